"""A PyTorch module: activations by forward hooks, Jacobians by its own vector products. torch itself is the user's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from fractalman._extras import load_extra
from fractalman._typing import F64, AnyFloat
from fractalman.config import shown
from fractalman.errors import RecipeError, nearest
from fractalman.learners.own_networks.jacobians import JacobianNetwork
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped

_BLOCK = 4096  # points that pass through the module at once


def is_module(value: Any) -> bool:
    """Return whether something is a PyTorch module, by what it can do; torch is not imported."""
    return all(hasattr(value, name) for name in ("named_modules", "named_parameters", "register_forward_hook"))


class TorchNetwork(JacobianNetwork):
    """A ``torch.nn.Module`` from points (n, d) to outputs (n, m), or (n,), asked in evaluation mode.

    Its training flags are as they were when a call returns, and its hooks are gone.

    Parameters
    ----------
    module : torch.nn.Module
        Trained.
    layers : sequence of str, optional
        Names as in ``module.named_modules()``, e.g. "1"; None = every module without children but the last.

    Raises
    ------
    RecipeError
        For a layer that the module does not have, or a module without parameters.
    MissingExtraError
        Without torch.
    """

    def __init__(self, module: Any, layers: Sequence[str] | None = None) -> None:
        self._torch = load_extra("torch", "a PyTorch module")
        self._module = module
        names = dict(module.named_modules())
        names.pop("", None)
        if layers is None:
            leaves = [name for name, child in names.items() if not any(True for _ in child.children())]
            layers = leaves[:-1]
        for name in layers:
            if name not in names:
                raise RecipeError(f"layer {shown(name)}: expected {', '.join(names)}{nearest(name, names)}")
        self.layers = tuple(layers)
        self._parameters = dict(module.named_parameters())
        if not self._parameters:
            raise RecipeError("a module without parameters: expected one that can take a step")
        self._groups = grouped({name: name.rpartition(".")[0] or "all" for name in self._parameters})
        self.parts = tuple(self._groups)
        self._outputs = 0

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        modes = [(child, child.training) for child in self._module.modules()]
        self._module.eval()
        try:
            yield
        finally:
            for child, mode in modes:
                child.training = mode

    def _tensor(self, X: AnyFloat) -> Any:
        first = next(iter(self._parameters.values()))
        return self._torch.as_tensor(np.array(X), dtype=first.dtype, device=first.device)

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return what the named modules give out, flattened, and the module's own output."""
        parts: dict[str, list[F64]] = {name: [] for name in (*self.layers, OUTPUT)}

        def keep(name: str) -> Any:
            def hook(_module: Any, _inputs: Any, output: Any) -> None:
                parts[name].append(flat(output.detach().cpu().numpy()))

            return hook

        named = dict(self._module.named_modules())
        handles = [named[name].register_forward_hook(keep(name)) for name in self.layers]
        try:
            with self._evaluating(), self._torch.no_grad():
                for start in range(0, len(X), _BLOCK):
                    output = self._module(self._tensor(X[start : start + _BLOCK]))
                    parts[OUTPUT].append(flat(output.detach().cpu().numpy()))
        finally:
            for handle in handles:
                handle.remove()
        return {name: np.concatenate(found) for name, found in parts.items()}

    @property
    def parameters(self) -> int:
        """How many there are in all."""
        return sum(p.numel() for p in self._parameters.values())

    @property
    def outputs(self) -> int:
        """m, outputs; asked of the module at the first call of `jacobians` or `kernel`."""
        return max(1, self._outputs)

    def kernel(self, A: AnyFloat, B: AnyFloat) -> F64:
        """Return the tangent kernel part by part, (parts, a, b)."""
        self._count(A)
        return super().kernel(A, B)

    def own(self, A: AnyFloat) -> F64:
        """Return the tangent kernel of points with themselves, (parts, a)."""
        self._count(A)
        return super().own(A)

    def _count(self, A: AnyFloat) -> None:
        with self._evaluating(), self._torch.no_grad():
            self._outputs = int(self._module(self._tensor(A[:1])).numel())

    def jacobians(self, X: AnyFloat) -> list[AnyFloat]:
        """Return the Jacobian of every part at some points, by one backward vector product an output."""
        torch = self._torch
        current = {name: value.detach() for name, value in self._parameters.items()}
        buffers = dict(self._module.named_buffers())

        def output(parameters: Any, x: Any) -> Any:
            return torch.func.functional_call(self._module, (parameters, buffers), (x[None],)).reshape(-1)

        with self._evaluating():
            found = torch.func.vmap(torch.func.jacrev(output), in_dims=(None, 0))(current, self._tensor(X))
        n = len(X)
        return [
            np.concatenate(
                [found[name].detach().reshape(n, found[name].shape[1], -1).cpu().numpy() for name in names], axis=2
            ).reshape(n, -1)
            for names in self._groups.values()
        ]

    def arrays(self) -> list[AnyFloat]:
        """Return the parameters and buffers."""
        state = [*self._parameters.values(), *self._module.buffers()]
        return [value.detach().cpu().numpy() for value in state]

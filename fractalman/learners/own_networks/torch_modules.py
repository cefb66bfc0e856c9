"""A PyTorch module: activations by forward hooks, Jacobians by its own vector products. torch itself is the user's."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence, ValuesView
from typing import Any

import numpy as np

from fractalman._evaluation import evaluating
from fractalman._extras import load_extra
from fractalman._typing import F64, AnyFloat
from fractalman.config import listed, shown
from fractalman.errors import FractalmanError, RecipeError, nearest
from fractalman.learners.own_networks.jacobians import JacobianNetwork
from fractalman.learners.own_networks.protocol import OUTPUT, flat, grouped

_WRAPPERS = ("OptimizedModule", "DataParallel", "DistributedDataParallel", "AveragedModel")
_SEEN = 3  # points at which it is seen which modules are called
_ROWS = 512  # points that pass through the module at once: wide layers of convolutions have to fit


def _is_leaf(name: str, module: Any) -> bool:
    """Whether a module has no children; those that make its weights anew, of weight norms say, count for none."""
    made_anew = "parametrizations"
    return made_anew not in name.split(".") and all(child == made_anew for child, _ in module.named_children())


def _holds(given: Any) -> bool:
    return isinstance(given, (list, tuple, ValuesView))


def _unwrapped(module: Any) -> tuple[Any, str]:
    """Return the module within those that wrap one, and what its names begin with outside."""
    prefix = ""
    for name in ("_orig_mod", "module", "_orig_mod"):  # compiled; on several devices, or averaged
        inner = getattr(module, name, None)
        if inner is not None and is_module(inner) and type(module).__name__ in _WRAPPERS:
            module, prefix = inner, f"{prefix}{name}."
    return module, prefix


def is_module(value: Any) -> bool:
    """Return whether something is a PyTorch module, by what it can do; torch is not imported."""
    return all(hasattr(value, name) for name in ("named_modules", "named_parameters", "register_forward_hook"))


class TorchNetwork(JacobianNetwork):
    """A ``torch.nn.Module`` from points (n, d) to outputs (n, m), or (n,), asked in evaluation mode.

    Its training flags are as they were when a call returns, and its hooks are gone. Of what wraps a module (compiled,
    spread over devices, averaged over steps) the module itself is asked. One that takes whole numbers alone, as tables
    of tokens do, gets them where the points are.

    Parameters
    ----------
    module : torch.nn.Module
        Trained.
    layers : sequence of str, optional
        Names as in ``module.named_modules()``, e.g. "1"; None = every module without children that is called once and
        gives out a row for every point, but the last. Of a module that gives out a tuple, a list or a dict its first
        tensor counts, or the one called "logits".
    points : (n, d) float
        The data, by whose first point it is seen which modules are called.

    Raises
    ------
    RecipeError
        For a layer that the module does not have, calls twice or not at all, or a module without parameters.
    MissingExtraError
        Without torch.
    """

    def __init__(self, module: Any, layers: Sequence[str] | None, points: AnyFloat) -> None:
        self._torch = load_extra("torch", "a PyTorch module")
        if isinstance(module, self._torch.jit.ScriptModule):
            raise RecipeError(
                "a TorchScript module has no hooks: expected the module that it was made of; use that one"
            )
        self._module, prefix = _unwrapped(module)
        module = self._module
        names = dict(module.named_modules())
        names.pop("", None)
        if layers is not None:
            layers = [
                name if name in names or not isinstance(name, str) else name.removeprefix(prefix) for name in layers
            ]
        for name in layers or ():
            if name not in names:
                raise RecipeError(f"layer {shown(name)}: expected {listed(names)}{nearest(name, names)}")
        self._parameters = dict(module.named_parameters())
        if not self._parameters:
            raise RecipeError("a module without parameters: expected one that can take a step")
        self._groups = grouped({name: name.rpartition(".")[0] or "all" for name in self._parameters})
        self.parts = tuple(self._groups)
        self._outputs = 0
        leaves = [name for name, child in names.items() if _is_leaf(name, child)]
        self._whole = False
        seen = self._tried(points[:_SEEN], leaves if layers is None else list(layers))
        if layers is None:
            rows = len(points[:_SEEN])
            layers = [name for name, calls in seen.items() if len(calls) == 1 and name and len(calls[0]) == rows][:-1]
        for name in layers:
            calls = len(seen.get(name, ()))
            if calls != 1:
                raise RecipeError(f"layer {shown(name)} is called {calls} times: expected a module that is called once")
        self.layers = tuple(layers)

    def _tensor(self, X: AnyFloat) -> Any:
        first = next(iter(self._parameters.values()))
        dtype = self._torch.int64 if self._whole else first.dtype
        return self._torch.as_tensor(np.array(X), dtype=dtype, device=first.device)

    def _given(self, given: Any, name: str) -> Any:
        """Return the tensor that a module gives out, of several the first one, or the logits."""
        named = given if isinstance(given, Mapping) else getattr(given, "__dict__", {})
        if not self._torch.is_tensor(given) and self._torch.is_tensor(named.get("logits")):
            return named["logits"]
        several = given.values() if isinstance(given, Mapping) else given
        tensors = [one for one in (several if _holds(several) else [given]) if self._torch.is_tensor(one)]
        if not tensors:
            raise RecipeError(f"{name or 'the module'} gives out a {type(given).__name__}: expected a tensor (n, …)")
        return tensors[0]

    def _numbers(self, given: Any, name: str) -> F64:
        """Return what a module gives out, (n, units)."""
        return flat(self._array(self._given(given, name)))

    def _array(self, tensor: Any) -> AnyFloat:
        """Return a tensor's numbers in NumPy, which knows no bfloat16."""
        host = tensor.detach().cpu()
        return np.asarray((host.float() if host.dtype == self._torch.bfloat16 else host).numpy())

    def _seen(self, X: AnyFloat, names: Sequence[str]) -> dict[str, list[F64]]:
        """Return what modules give out at points, call by call, in the order of the first calls; "" = the output."""
        found: dict[str, list[F64]] = {}
        named = dict(self._module.named_modules())

        def keep(name: str) -> Any:
            return lambda _module, _inputs, output: found.setdefault(name, []).append(self._numbers(output, name))

        handles = [named[name].register_forward_hook(keep(name)) for name in names]
        try:
            with evaluating(self._module), self._torch.no_grad():
                output = self._module(self._tensor(X))
        finally:
            for handle in handles:
                handle.remove()
        return {**found, "": [self._numbers(output, "")]}

    def _tried(self, X: AnyFloat, names: Sequence[str]) -> dict[str, list[F64]]:
        """Return what is seen at points, and settle whether they are given as whole numbers."""
        try:
            return self._seen(X, names)
        except FractalmanError:
            raise
        except Exception:  # of foreign code: which numbers it takes is found out by asking
            if not (np.round(X) == X).all():
                raise
            self._whole = True
            try:
                return self._seen(X, names)
            except Exception:  # the first error is the one that counts
                self._whole = False
            raise

    def activations(self, X: AnyFloat) -> dict[str, F64]:
        """Return what the named modules give out, flattened, and the module's own output."""
        blocks = [self._seen(X[start : start + _ROWS], self.layers) for start in range(0, len(X), _ROWS)]
        named = [*((name, name) for name in self.layers), (OUTPUT, "")]
        return {name: np.concatenate([block[key][0] for block in blocks]) for name, key in named}

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
        with evaluating(self._module), self._torch.no_grad():
            self._outputs = self._numbers(self._module(self._tensor(A[:1])), "").size

    def jacobians(self, X: AnyFloat) -> list[AnyFloat]:
        """Return the Jacobian of every part at some points, by one backward vector product an output."""
        torch = self._torch
        current = {name: value.detach() for name, value in self._parameters.items()}
        buffers = dict(self._module.named_buffers())

        def output(parameters: Any, x: Any) -> Any:
            given = torch.func.functional_call(self._module, (parameters, buffers), (x[None],))
            return self._given(given, "").reshape(-1)

        with evaluating(self._module), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="There is a performance drop")  # of what has no batch rule
            found = torch.func.vmap(torch.func.jacrev(output), in_dims=(None, 0))(current, self._tensor(X))
        n = len(X)
        return [
            np.concatenate(
                [self._array(found[name].reshape(n, found[name].shape[1], -1)) for name in names], axis=2
            ).reshape(n, -1)
            for names in self._groups.values()
        ]

    def arrays(self) -> list[AnyFloat]:
        """Return the parameters and buffers."""
        state = [*self._parameters.values(), *self._module.buffers()]
        return [self._array(value) for value in state]

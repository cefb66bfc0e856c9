"""What a study found, a sentence for each thing it asked about: the first screen of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fractalman.report.tables import number, risk_words

if TYPE_CHECKING:
    from fractalman.studies.base import Row
    from fractalman.studies.granularity.result import GranularityResult
    from fractalman.studies.levels.result import LevelsResult
    from fractalman.studies.linearity.result import LinearityResult
    from fractalman.studies.locality.result import LocalityResult
    from fractalman.studies.probes.result import ProbeResult
    from fractalman.studies.recovery.result import RecoveryResult


@dataclass(frozen=True)
class Found:
    """One sentence of a first screen.

    Parameters
    ----------
    name : str
        Of what it is about: set in bold, the sentence goes on behind it.
    sentence : str
        What was found.
    words : str, default ""
        The verdict in a word or two; "" where there is none.
    kind : str, default "open"
        How the verdict is coloured: "yes", "no" or "open".
    """

    name: str
    sentence: str
    words: str = ""
    kind: str = "open"


def found_by_recovery(result: RecoveryResult) -> list[Found]:
    """Return a sentence for each dictionary: at the widest, and at the sparsity of its best MCC, beside chance."""
    out = []
    for name in result.study.dictionaries:
        claims = [c for c in result.claims if c["dictionary"] == name and c["width"] == result.study.widths[-1]]
        best = max(claims, key=lambda claim: claim["mcc"] or 0.0, default=None)
        if best is None or best["mcc"] is None:
            continue
        at = f" (width {best['width']:,}" + (f", sparsity {best['sparsity']:g})" if best["sparsity"] else ")")
        sentence = f"{at} finds directions at MCC {_with(best, 'mcc')} where chance gives {_with(best, 'chance_mcc')}"
        sentence += f"; its units fire as subclusters do at F1 {_with(best, 'best_f1')}, by chance "
        out.append(Found(name, f"{sentence}{_with(best, 'chance_best_f1')}", *_against_chance(best)))
    return out


def _against_chance(claim: Row) -> tuple[str, str]:
    """Whether intervals of MCC and of chance lie apart."""
    halves = claim.get("mcc_half_width"), claim.get("chance_mcc_half_width")
    if claim["chance_mcc"] is None or None in halves:
        return "one replicate", "open"
    apart = claim["mcc"] - claim["chance_mcc"]
    if abs(apart) <= sum(half for half in halves if half is not None):
        return "not told from chance", "open"
    return ("above chance", "yes") if apart > 0.0 else ("below chance", "no")


_NAMES = {"bayes": "the posterior mean (Bayes)"}


def found_by_granularity(result: GranularityResult) -> list[Found]:
    """Return where the label is made, where learning is linear, what each learner leaves, and how the law holds."""
    rows = sorted(result.shares, key=lambda row: -row["scale"])
    out = []
    made = [row for row in rows if (row["between_above_chance"] or 0.0) >= 0.5]
    if made:
        words = f"{_percent(made[0], 'between_above_chance')} % of it beyond chance lie between its subclusters"
        out.append(Found("the label", f"is made above scale {made[0]['scale']:,}: {words}"))
    elif rows:
        fine = rows[-1]
        share = f"{_percent(fine, 'between_above_chance')} % of it beyond chance"
        words = f"{share} lie between the subclusters of at most {fine['scale']:,} points"
        out.append(Found("the label", f"is made below the scales looked at: {words}"))
    if rows:
        best = max(rows, key=lambda row: row["linear"] or 0.0)
        words = f"takes most at scale {best['scale']:,}: {_percent(best, 'linear')} % of the variance"
        more = f", where all else takes {_percent(best, 'nonlinear')} % beyond it"
        out.append(Found("linear regression in every subcluster", words + more))
        for row in result.table:
            if row["scale"] == result.scales[-1] and row["own_scale"] is None:
                name = _NAMES.get(row["learner"]) or str(row["learner"])
                out.append(Found(name, f"leaves {_risk(row, 'risk')} of the variance{_due(row['expected_risk'])}"))
    held = [row for row in result.linear if row["agrees"] is not None]
    if held:
        agree = sum(row["agrees"] for row in held)
        sentence = f"holds within 5 % + 2 standard errors in {agree:,} of {len(held):,} regressions"
        out.append(Found("the law of linear regression", sentence, *_verdict(agree == len(held))))
    return out


def found_by_levels(result: LevelsResult) -> list[Found]:
    """Return at which size each level is learned, and whether that comes after the level below."""
    out = []
    for claim in result.claims:
        name = f"level {claim['level']}"
        reached = f"{claim['reached']} of {claim['replicates']} replicates"
        if claim["learned_at"] is None:
            out.append(Found(name, f"is not learned at any of these sizes ({reached} reach it)"))
            continue
        between = "" if claim["low"] is None else f" ({number(claim['low'], 0)} to {number(claim['high'], 0)})"
        after = "" if claim["times"] is None else f", {number(claim['times'])} times what the level below takes"
        out.append(Found(name, f"is learned at n = {number(claim['learned_at'], 0)}{between}{after}; {reached}"))
    return out


def found_by_locality(result: LocalityResult) -> list[Found]:
    """Return how much of an update's influence stays near, in every layer at the end of training."""
    end = max((claim["step"] for claim in result.claims), default=0)
    return [
        Found(
            "the whole network" if claim["layer"] == "all" else claim["layer"],
            f"sends {_with(claim, 'near_share')} of an update’s influence to the nearest tenth of pairs"
            f" (0.1 where distance is no matter), {_with(claim, 'beyond_linear')} more than a linear model",
        )
        for claim in result.claims
        if claim["step"] == end
    ]


def found_by_linearity(result: LinearityResult) -> list[Found]:
    """Return how often exponents are those of their spectra, and where the network is nearest to local regressions."""
    out = []
    for space in dict.fromkeys(row["space"] for row in result.exponents):
        held = [row for row in result.exponents if row["space"] == space and row["agrees"] is not None]
        if held:
            agree = sum(row["agrees"] for row in held)
            sentence = f"has the exponents of its own spectra in {agree} of {len(held)} comparisons"
            out.append(Found(space, sentence, *_verdict(agree == len(held))))
    known = [row for row in result.closeness if row["closeness"] is not None]
    end = [row for row in known if row["step"] == max(row["step"] for row in known)]
    if end:
        best = max(end, key=lambda row: row["closeness"])
        rival = f", where the nearest rival is {best['nearest']}" if best["nearest"] else ""
        words = f"is nearest to local regressions at scale {best['scale']:,} ({best['space']}): closeness "
        out.append(Found("the network", f"{words}{_with(best, 'closeness')} of 1{rival}"))
    return out


def found_by_probe(result: ProbeResult) -> list[Found]:
    """Return what the largest network has found, of the largest and of the smallest subclusters."""
    out = []
    networks = {(claim["part"], claim["n"], claim["width"]): claim for claim in result.claims}
    for part, n, width in networks:
        own = [c for c in result.claims if (c["part"], c["n"], c["width"]) == (part, n, width)]
        own = sorted((c for c in own if c["found"] is not None), key=lambda claim: -claim["scale"])
        if own:
            name = f"n = {n:,}, width {width:,}" + (", shuffled labels" if part == "shuffled-labels" else "")
            ends = [own[0]] if len(own) == 1 else [own[0], own[-1]]
            parts = [f"{100 * c['found']:.0f} % of the subclusters at scale {c['scale']:,}" for c in ends]
            out.append(Found(name, f"finds {' and '.join(parts)}"))
    return out


def _verdict(holds: bool) -> tuple[str, str]:
    return ("agrees", "yes") if holds else ("not everywhere", "no")


def _due(value: float | None) -> str:
    return "" if value is None else f" where {risk_words(value)} was expected"


def _risk(row: Row, key: str) -> str:
    half = row.get(f"{key}_half_width")
    return risk_words(row[key]) + (f" ± {risk_words(half)}" if half is not None else "")


def _with(row: Row, key: str) -> str:
    value: Any = row[key]
    half = row.get(f"{key}_half_width")
    return number(value) + (f" ± {number(half)}" if value is not None and half is not None else "")


def _percent(row: Row, key: str) -> str:
    half = row[f"{key}_half_width"]
    return f"{100 * row[key]:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")


def found_rows(found: Sequence[Found]) -> list[dict[str, str]]:
    """Return what the template asks for."""
    return [{"learner": f.name, "sentence": f.sentence, "words": f.words, "kind": f.kind} for f in found]

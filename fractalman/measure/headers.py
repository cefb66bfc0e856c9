"""What a column's header means: its kind, the unit that it states, and whether its cells are logarithms.

Source: headers of published tables, and of the exports of wandb, TensorBoard, MLflow and transformers.
"""

from __future__ import annotations

import math
import re

from fractalman.measure.number_text import LONGEST, lowered

_SYNONYMS: dict[str, str] = {
    "loss": "loss final_loss test_loss val_loss valid_loss validation_loss eval_loss train_loss training_loss nll ce "
    "ce_loss cross_entropy cross_entropy_loss xent lm_loss mse rmse risk test_nll val_nll test_mse test_risk "
    "log_loss logloss log_perplexity "
    "log_ppl loss_mean mean_loss loss_avg avg_loss final_val_loss best_val_loss best_loss dev_loss heldout_loss "
    "final_train_loss final_test_loss excess_risk",
    "bits": "bpb bits_per_byte bpc bits_per_char bits_per_character bits_per_token val_bpb test_bpb",
    "r2": "r2 r_2 r2_score test_r2 val_r2 r_squared test_r_squared explained_variance",
    "log_likelihood": "log_likelihood loglikelihood mean_log_likelihood log_prob logprob mean_logprob",
    "perplexity": "perplexity word_perplexity byte_perplexity ppl val_ppl test_ppl val_perplexity test_perplexity",
    "accuracy": "accuracy acc acc_norm exact_match test_accuracy test_acc val_accuracy val_acc top1 top_1 "
    "top1_accuracy top_1_accuracy eval_accuracy valid_accuracy",
    "error": "error err error_rate test_error val_error test_error_rate top1_error top_1_error misclassification "
    "val_err test_err "
    "eval_error 1_acc 1_accuracy one_minus_accuracy",
    "error_count": "errors n_errors num_errors error_count n_wrong num_wrong mistakes misclassified",
    "correct_count": "correct n_correct num_correct correct_count hits",
    "n": "n size sizes n_train train_size training_size n_samples num_samples samples n_examples num_examples examples "
    "dataset_size n_points points train_samples n_train_samples training_examples num_train n_train_examples "
    "shots n_shots num_shots images n_images num_images train_images training_images labeled_examples n_labeled",
    "n_params": "n_params params N parameters param_count parameter_count parameters_count num_params num_parameters "
    "n_parameters model_params model_parameters model_num_parameters model_size size_params "
    "non_embedding_params nonembedding_params "
    "non_embedding_parameters total_params model_n_params parameters_number number_of_parameters no_of_parameters "
    "of_parameters of_params",
    "n_data": "n_data D tokens n_tokens num_tokens token_count training_tokens train_tokens total_tokens tokens_seen "
    "dataset_tokens data_size training_data tokens_trained number_of_tokens no_of_tokens of_tokens num_train_tokens "
    "pretraining_tokens tokens_processed num_input_tokens_seen",
    "compute": "compute C flop flops total_flop total_flops train_flop train_flops training_flop training_flops "
    "training_compute compute_flops compute_flop budget compute_budget flop_budget flops_budget gflops total_gflops "
    "tflops total_tflops pflops exaflops pf_days petaflop_days",
    "unique": "unique unique_tokens n_unique unique_data unique_n_data",
    "seed": "seed seeds replicate rep random_seed run_seed repeat seed_id",
    "run": "run run_id runid trial trial_id fold cv_fold run_name experiment_id",
    "trials": "trials n_test test_size test_examples n_test_examples num_test test_samples n_test_samples",
    "passes": "epochs epoch n_epochs num_epochs num_train_epochs passes data_passes",
    "step": "step steps iteration iterations iter train_steps training_steps num_steps",
}
KIND = {word: kind for kind, words in _SYNONYMS.items() for word in words.split()}
ROLE_OF_KIND = {
    "bits": "loss", "r2": "loss", "log_likelihood": "loss", "perplexity": "loss",
    "accuracy": "loss", "error": "loss", "error_count": "loss",
    "correct_count": "loss", "step": "n", "run": "seed",
}  # fmt: skip
_UNITS = {
    "k": 1e3, "thousand": 1e3, "thousands": 1e3, "m": 1e6, "million": 1e6, "millions": 1e6, "mn": 1e6, "mm": 1e6,
    "b": 1e9,
    "bn": 1e9, "g": 1e9, "billion": 1e9, "billions": 1e9, "t": 1e12, "trillion": 1e12, "trillions": 1e12,
    "gflop": 1e9, "gflops": 1e9, "tflop": 1e12, "tflops": 1e12, "pflop": 1e15, "pflops": 1e15, "petaflop": 1e15,
    "petaflops": 1e15, "eflop": 1e18, "eflops": 1e18, "exaflop": 1e18, "exaflops": 1e18, "zflop": 1e21, "zflops": 1e21,
    "pf_days": 8.64e19, "pf_day": 8.64e19, "petaflop_days": 8.64e19, "petaflop_s_days": 8.64e19, "%": 1e-2,
    "percent": 1e-2, "flop": 1.0, "flops": 1.0, "tokens": 1.0, "nats": 1.0, "params": 1.0, "parameters": 1.0,
}  # fmt: skip
_BARE_UNIT = {"k", "m", "mm", "b", "bn", "t", "g", "thousand", "million", "billion", "trillion"}
_BARE_UNIT |= {"thousands", "millions", "billions", "trillions"}


def recognised(name: str) -> tuple[str, float] | None:
    """Return what a header means and the factor of its unit; None for a column that is nobody's business.

    Examples
    --------
    >>> recognised("Training Tokens (B)"), recognised("val_loss"), recognised("optimizer")
    (('n_data', 1000000000.0), ('loss', 1.0), None)
    """
    if len(name) > LONGEST:
        return None
    text, factor = logarithm(name)[0], 1.0
    unit = re.fullmatch(r"(.*?)\s*[(\[]\s*(?:in\s+)?([^()\[\]]+?)\s*[)\]]", text)
    if unit:
        word = _plain_word(unit[2])
        if word in _UNITS:
            text, factor = unit[1], _UNITS[word]
        else:
            inner = [w for w in word.split("_") if w in _BARE_UNIT]
            power = re.fullmatch(
                r"(?:×|x|in)?\s*(?:10\s*\^?\s*|1e\+?)(\d+)\D*", lowered(unit[2]).strip(), re.IGNORECASE
            )
            factor = _UNITS[inner[0]] if len(inner) == 1 else 10.0 ** int(power[1]) if power else factor
            text = unit[1]
    elif text in KIND:  # N, D and C are capital letters: n and d are others
        return KIND[text], factor * _implied(text)
    filtered = re.fullmatch(r"(.+),[a-z][\w-]*", text)  # lm-eval: "acc,none"
    text = filtered[1] if filtered else text
    for candidate in dict.fromkeys((text, text.rsplit(" - ", 1)[-1], *(re.split(r"[/.]", text)[-1:]))):
        if candidate in KIND:
            return KIND[candidate], factor * (_implied(candidate) if factor == 1.0 else 1.0)
        word = _plain_word(candidate)
        if len(word) > 1 and word in KIND:
            kind = KIND[word]
            return kind, factor * (_implied(word) if factor == 1.0 else 1.0)
        head, _, tail = word.rpartition("_")
        if tail in _BARE_UNIT and len(head) > 1 and head in KIND and KIND[head] in ("n_params", "n_data", "unique"):
            return KIND[head], _UNITS[tail]
        if candidate != text and word.endswith("_loss"):
            return "loss", 1.0
    return None


def logarithm(name: str) -> tuple[str, float | None]:
    """Return what a header is the logarithm of, and to which base: 0 where it does not say, None for no logarithm.

    Examples
    --------
    >>> logarithm("log10_N"), logarithm("ln(loss)"), logarithm("log tokens"), logarithm("log_loss")
    (('N', 10.0), ('loss', 2.718281828459045), ('tokens', 0.0), ('log_loss', None))
    """
    if len(name) > LONGEST:
        return name, None
    text = re.sub(r"[*†‡§¶]+$", "", name.strip()).strip().strip("*$").strip()
    found = re.fullmatch(
        r"(log_?\{?10\}?|log_?\{?2\}?|log10|lg|ln|log_?e|log)(?:[_\s]+|(?=[(\[]))(.+)", text, re.IGNORECASE
    )
    if found is None or _plain_word(text) in KIND:
        return text, None
    inner = re.fullmatch(r"[(\[](.*)[)\]]", found[2].strip())
    stated = re.fullmatch(r"(.*?)[\s_]*[(\[]base\s*(10|2|e)[)\]]", found[2].strip())
    word = re.sub(r"[^a-z0-9]", "", (f"log{stated[2]}" if stated else found[1]).lower())
    base = {"log10": 10.0, "lg": 10.0, "log2": 2.0, "ln": math.e, "loge": math.e, "log": 0.0}[word]
    return (stated[1] if stated else inner[1] if inner else found[2]).strip(), base


def _plain_word(text: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z][a-z])", "_", text.strip())
    return re.sub(r"[^a-z0-9%]+", "_", text.lower()).strip("_")


def _implied(word: str) -> float:
    """The unit that a name itself states, as in total_gflops."""
    last = word.rsplit("_", 1)[-1]
    if word in ("pf_days", "petaflop_days"):
        return 8.64e19
    return _UNITS.get(last, 1.0) if last not in _BARE_UNIT else 1.0

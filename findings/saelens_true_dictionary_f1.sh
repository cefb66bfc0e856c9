#!/usr/bin/env bash
# SAELens scores the true orthonormal dictionary at F1 0.37, beside MCC 1 and explained variance 1.
#
# `init_sae_to_match_feature_dict`, made for "testing SAE evaluation code with ground truth", gives an autoencoder whose codes
# are the true ones up to the rounding of single precision. `eval_sae_on_synthetic_data` counts every code other than 0 as
# firing, so codes of 1e-8 that rounding leaves at features which are absent are false alarms: 16 features that fire with
# probability .1 have 1.6 units a point, and are counted as 7. The same codes, firing above 1e-3, have F1 1.
# Seen on 2026-11-30. Installs pinned packages into a temporary folder, and fails when the behaviour has changed.
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/python" -m pip install --quiet --disable-pip-version-check 'torch==2.13.0' 'sae-lens==6.54.12'
"$folder/env/bin/python" -W ignore - <<'PYTHON'
from importlib.metadata import version

import torch
from sae_lens import StandardSAE, StandardSAEConfig
from sae_lens.synthetic import (
    ActivationGenerator,
    FeatureDictionary,
    compute_classification_metrics,
    eval_sae_on_synthetic_data,
    init_sae_to_match_feature_dict,
)

torch.manual_seed(0)
features = FeatureDictionary(16, 16, initializer=None)
features.feature_vectors.data = torch.linalg.qr(torch.randn(16, 16))[0].T.contiguous()
generator = ActivationGenerator(16, 0.1)
sae = StandardSAE(StandardSAEConfig(d_in=16, d_sae=16))
init_sae_to_match_feature_dict(sae, features)
result = eval_sae_on_synthetic_data(sae, features, generator, num_samples=20_000)
with torch.no_grad():
    truth = generator.sample(20_000)
    codes = sae.encode(features(truth))
    apart = float((codes - truth).abs().max())
    clean = compute_classification_metrics(codes * (codes > 1e-3), truth, sae.W_dec, features.feature_vectors)
f1 = result.classification.f1_score
print(f"sae-lens {version('sae-lens')}: codes are the true ones to {apart:.1e}, MCC {result.mcc:.4f}, explained "
      f"{result.explained_variance:.4f}; units a point {result.true_l0:.2f}, counted {result.sae_l0:.2f}; F1 {f1:.3f}, "
      f"of codes above 1e-3 {clean.f1_score:.3f}")
assert apart < 1e-5 and result.mcc > 0.9999 and f1 < 0.5 and clean.f1_score == 1.0
PYTHON

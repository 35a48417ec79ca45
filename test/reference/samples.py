"""Writes samples.json: metrics of generated rows beside real ones, by numpy, scipy and scikit-learn, for test/metrics/samples.test.ts.

Rows are those of `wave`, in float32, as test/reference/wave.ts makes them. Run: python3 samples.py > samples.json
"""
import json
import math

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist, pdist
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from formula import wave


def rows_of(n, d, phase, scale):
    return wave((n, d), phase, scale).astype(np.float64)


def radius(rows, k):
    distances, _ = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(rows).kneighbors(rows)
    return np.sort(distances, axis=1)[:, k]


def manifold(real, generated):
    distances = cdist(real, generated)
    inside = distances < radius(real, 5)[:, None]
    return {
        "precision": (distances < radius(real, 3)[:, None]).any(axis=0).mean(),
        "recall": (distances < radius(generated, 3)[None, :]).any(axis=1).mean(),
        "density": inside.sum() / (5 * len(generated)),
        "coverage": inside.any(axis=1).mean(),
    }


def frechet(a, b):
    """By singular values, which lose no digits where covariances are singular; scipy's root of a matrix, where they are not, is near."""
    c1, c2 = (np.cov(rows, rowvar=False, bias=True).reshape(a.shape[1], -1) for rows in (a, b))
    ends = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(c1) + np.trace(c2)
    x, y = ((rows - rows.mean(axis=0)) / math.sqrt(len(rows)) for rows in (a, b))
    found = ends - 2 * np.linalg.svd(x @ y.T, compute_uv=False).sum()
    if min(np.linalg.matrix_rank(c) for c in (c1, c2)) == a.shape[1]:
        assert abs(found - (ends - 2 * np.trace(sqrtm(c1 @ c2).real))) < 1e-7 * ends, (found, ends)
    return float(found)


def kernel(a, b):
    n, d = a.shape
    within = [polynomial_kernel(x, x, degree=3, gamma=1 / d, coef0=1) for x in (a, b)]
    total = sum(k.sum() - np.trace(k) for k in within) / (n * (n - 1))
    return float(total - 2 * polynomial_kernel(a, b, degree=3, gamma=1 / d, coef0=1).mean())


def copying(generated, training, held):
    own, real = (cdist(rows, training).min(axis=1) for rows in (generated, held))
    return {
        "medianRatio": float(np.median(own) / np.median(real)),
        "nearShare": float((own < np.quantile(real, 0.01)).mean()),
    }


CASES = {
    # real and generated: rows, width, phase, scale
    "alike": [(60, 7, 0.1, 1.0), (60, 7, 2.1, 1.0)],
    "narrow": [(60, 7, 0.1, 1.0), (60, 7, 2.1, 0.3)],
    "more dimensions than rows": [(20, 31, 0.5, 1.0), (20, 31, 1.5, 1.2)],
    "one number": [(40, 1, 0.2, 2.0), (40, 1, 1.0, 2.5)],
    "one the other's multiples": [(50, 6, 0.4, 1.0), (50, 6, 0.4, 3.0)],
    "constant": [(30, 5, 0.4, 1.0), (30, 5, 0.4, 0.0)],
}

found = {}
for name, (first, second) in CASES.items():
    real, generated = rows_of(*first), rows_of(*second)
    held = rows_of(first[0], first[1], 4.3, 1.0)
    found[name] = {
        "real": first,
        "generated": second,
        "manifold": {key: float(value) for key, value in manifold(real, generated).items()},
        "kernelDistance": kernel(real, generated),
        "spread": float(pdist(generated).mean() / pdist(real).mean()),
        "copying": copying(generated, real, held),
    }
    found[name]["frechetDistance"] = frechet(real, generated)
print(json.dumps(found, indent=2))

"""Writes novelty.json: relative Mahalanobis distances of normalised features by scikit-learn, for test/metrics/novelty.test.ts.

Features are those of `clouds`, in float32, as test/reference/numbers.ts makes them.
Run: python3 novelty.py > novelty.json
"""
import json

import numpy as np
import sklearn
from sklearn.covariance import EmpiricalCovariance
from sklearn.preprocessing import normalize


def numbers(count, seed):
    values = []
    for _ in range(count):
        seed = seed * 16807 % 2147483647
        values.append(seed / 2147483647)
    return np.array(values)


def clouds(n, d, classes, spread, seed):
    centres = numbers(classes * d, seed).reshape(classes, d)
    noise = numbers(n * d, seed + 1).reshape(n, d)
    labels = np.arange(n) % classes
    return (centres[labels] + spread * (noise - 0.5)).astype(np.float32).astype(np.float64), labels


def ridged(rows):
    """The precision of rows about 0, a thousandth of the mean variance added to each."""
    covariance = EmpiricalCovariance(assume_centered=True).fit(rows).covariance_
    return np.linalg.inv(covariance + 1e-3 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))


D, CLASSES = 12, 3
training, labels = clouds(240, D, CLASSES, 0.8, 11)
known = normalize(training)
means = np.stack([known[labels == k].mean(0) for k in range(CLASSES)])
within, overall = ridged(known - means[labels]), ridged(known - known.mean(0))
# More of the same, and others.
pictures = np.concatenate([clouds(24, D, CLASSES, 0.8, 11)[0], clouds(16, D, 4, 2.0, 5)[0]])
rows = normalize(pictures)


def squared(about, precision):
    return np.einsum("ij,jk,ik->i", rows - about, precision, rows - about)


nearest = np.min([squared(mean, within) for mean in means], axis=0)
print(json.dumps({"made": f"scikit-learn {sklearn.__version__}", "distances": (nearest - squared(known.mean(0), overall)).tolist()}))

"""Writes baselines.json: what scikit-learn 1.9 and scikit-image 0.26 make of small problems, which test/solvers, test/nn/hog.test.ts and
test/models/{logistic,knn}.test.ts repeat.

Numbers come from one generator (see `numbers`). Run: python3 baselines.py > baselines.json
"""
import json
import math

import numpy
from skimage.feature import hog
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC


def numbers(count, seed):
    """Of 0 to 1: minimal standard generator (Park & Miller 1988)."""
    values, state = [], seed
    for _ in range(count):
        state = state * 16807 % 2147483647
        values.append(state / 2147483647)
    return numpy.array(values)


def clouds(n, d, classes, spread, seed):
    """Rows [n, d] about one of `classes` centres each, in turn; float32."""
    centres = numbers(classes * d, seed).reshape(classes, d)
    labels = numpy.arange(n) % classes
    noise = numbers(n * d, seed + 1).reshape(n, d) - 0.5
    return (centres[labels] + spread * noise).astype(numpy.float32).astype(numpy.float64), labels


found = {}

found["hog"] = []
for h, w, c, cell in [(28, 28, 1, 4), (17, 40, 3, 4), (16, 16, 1, 8)]:
    picture = numpy.floor(256 * numbers(h * w * c, h)).reshape(h, w, c) / 255
    picture = numpy.minimum(picture, 1)
    # Differences are taken of float32 numbers here as there.
    values = hog(picture.astype(numpy.float32), orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(2, 2),
                 block_norm="L2-Hys", channel_axis=2)
    found["hog"].append({"shape": [h, w, c], "cell": cell, "values": [float(v) for v in values]})

x, y = clouds(90, 4, 3, 1.5, 7)
asked, _ = clouds(12, 4, 3, 1.5, 21)
weights = [1.0, 2.0, 0.5]
machine = SVC(C=3, gamma=0.7, tol=1e-9, decision_function_shape="ovo", class_weight=dict(enumerate(weights))).fit(x, y)
found["svm"] = {"decisions": machine.decision_function(asked).tolist(), "vectors": machine.support_.tolist()}
# Weights of examples: those of classes would weigh a class against the others alone, and not as one of the others.
linear = LinearSVC(C=0.7, tol=1e-10, max_iter=10**6).fit(x, y, sample_weight=numpy.array(weights)[y])
found["linear"] = {"weights": linear.coef_.tolist(), "offsets": linear.intercept_.tolist()}

x, y = clouds(1200, 6, 4, 1.7, 11)
forest = RandomForestClassifier(100, max_features=2, random_state=0, oob_score=True).fit(x[:600], y[:600])
found["forest"] = {"accuracy": forest.score(x[600:], y[600:])}

pixels = numpy.floor(256 * numbers(300 * 16, 3)).reshape(300, 16)
x = numpy.minimum(pixels, 255) / 255
# Each label is that of the brightest of three pixels, or in a third of the pictures another: no line tells them apart.
y = x[:, :3].argmax(1)
y = numpy.where(numpy.arange(300) % 3 == 0, (y + 1) % 3, y)
free = LogisticRegression(C=math.inf, tol=1e-10, max_iter=10**5).fit(x, y)
found["logistic"] = {"loss": log_loss(y, free.predict_proba(x))}
found["knn"] = {how: KNeighborsClassifier(5, weights=how).fit(x[:250], y[:250]).predict_proba(x[250:]).tolist()
                for how in ["uniform", "distance"]}
print(json.dumps(found))

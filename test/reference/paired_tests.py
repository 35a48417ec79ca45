# Values of scipy and statsmodels-free formulas for test/metrics/paired-tests.test.ts: python3 paired_tests.py > paired-tests.json
import json
import numpy as np
import scipy
from scipy import stats
from scipy.special import betainc, gammaln

rng = np.random.default_rng(7)
cases = []
for n, difference in [(40, 0.0), (400, 0.05), (10000, 0.01), (10000, 0.05)]:
    first = (rng.random(n) < 0.9).astype(int)
    second = np.where(rng.random(n) < 0.9, first, (rng.random(n) < 0.9 - difference)).astype(int)
    b = int(((first == 1) & (second == 0)).sum())
    c = int(((first == 0) & (second == 1)).sum())
    p = stats.binomtest(min(b, c), b + c, 0.5).pvalue if b + c else 1.0
    cases.append({"only": b, "other": c, "n": n, "p": p})
pairs = []
for n, shift in [(3, 0.0), (3, 0.02), (5, 0.01), (30, 0.002)]:
    x = 0.9 + 0.01 * rng.standard_normal(n)
    y = x - shift + 0.005 * rng.standard_normal(n)
    pairs.append({"first": x.tolist(), "second": y.tolist(), "p": stats.ttest_rel(x, y).pvalue})
print(json.dumps({
    "scipy": scipy.__version__,
    "mcnemar": cases,
    "pairedT": pairs,
    "normalTails": [[z, 2 * stats.norm.sf(z)] for z in [0.0, 0.3, 1.0, 1.96, 2.9, 3.1, 6.0, 12.0, 30.0]],
    "logGamma": [[x, float(gammaln(x))] for x in [0.5, 1.0, 2.5, 10.0, 1234.5]],
    "incompleteBeta": [[a, b, x, float(betainc(a, b, x))] for a, b, x in
                       [(0.5, 0.5, 0.1), (2, 3, 0.7), (50, 0.5, 0.99), (400, 600, 0.38), (5000, 5100, 0.5)]],
}, indent=1))

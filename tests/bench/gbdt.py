#!/usr/bin/env python3
"""Gradient boosting beside LightGBM, XGBoost, CatBoost and scikit-learn.

    PYTHON tests/bench/gbdt.py --mlspec build/mlspec [--rows 800000] [--rounds 3]

PYTHON has numpy, polars, scikit-learn, lightgbm, xgboost, catboost.  The same
settings for all: 100 trees of 31 leaves, 255 bins, rate 0.1, every row (with
--fraction F: that share of the rows drawn anew for each tree, where a contender
can).  The table is made here: 28 numeric columns of which seven are functions
of others, three of three values, a target of two classes.

Fits alone, in turn, threads 2 and 1; a contender's clock holds its binning.
mlspec's is `seconds.fit` of --json: codes, trees, model.  It is given a CSV, the
others an array that lies in memory; reading is in nobody's clock.  AUC is that
of a fifth as many rows that nobody trained on.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

GENERATE = """
import numpy as np

def table(n, seed):
    r = np.random.default_rng(seed)
    z = r.standard_normal((n, 21)).astype(np.float32)
    x = np.empty((n, 28), np.float32)
    x[:, :7] = np.exp(0.5 * z[:, :7])
    x[:, 7:14] = z[:, 7:14]
    x[:, 14:18] = np.round(np.clip(z[:, 14:18] + 1, 0, 2))
    x[:, 18:21] = z[:, 18:21]
    a = x[:, 0] * x[:, 1] * (1 - np.cos(x[:, 7] - x[:, 8]))
    b = x[:, 2] * x[:, 3] * (1 - np.cos(x[:, 9] - x[:, 10]))
    made = [np.sqrt(a), np.sqrt(b), np.sqrt(a + b), x[:, 4] + x[:, 5],
            np.hypot(x[:, 0], x[:, 2]), np.sqrt(a) * x[:, 14] + b,
            x[:, 18] * x[:, 19]]
    for k, v in enumerate(made):
        x[:, 21 + k] = v * np.exp(0.2 * r.standard_normal(n))
    s = (1.2 * np.sin(2 * np.sqrt(a)) + 0.8 * np.log1p(b) - 0.2 * x[:, 4]
         + 0.6 * (x[:, 14] > 1) * (x[:, 21] < 1.2)
         + 0.5 * x[:, 18] * x[:, 19] + 0.4 * np.abs(x[:, 20]))
    s = (s - s.mean()) / s.std()
    y = (r.random(n) < 1 / (1 + np.exp(-1.1 * s))).astype(np.int32)
    return x, y
"""

PEER = GENERATE + """
import sys, time, json
from sklearn.metrics import roc_auc_score
name, rows, threads, fraction = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
x, y = table(rows + rows // 5, 1)
xt, yt, xe, ye = x[:rows], y[:rows], x[rows:], y[rows:]
bag = dict(bagging_fraction=fraction, bagging_freq=1) if fraction < 1 else {}
start = time.perf_counter()
if name.startswith("lightgbm"):
    import lightgbm as lgb
    start = time.perf_counter()
    m = lgb.train(dict(objective="binary", num_leaves=31, learning_rate=0.1,
                       max_bin=255, num_threads=threads, verbose=-1, **bag,
                       use_quantized_grad=name.endswith("quantized")),
                  lgb.Dataset(xt, yt), 100)
    seconds = time.perf_counter() - start
    p = m.predict(xe)
elif name == "xgboost":
    import xgboost as xgb
    start = time.perf_counter()
    m = xgb.XGBClassifier(n_estimators=100, max_leaves=31, max_depth=0,
                          grow_policy="lossguide", tree_method="hist",
                          max_bin=255, learning_rate=0.1, n_jobs=threads,
                          subsample=fraction).fit(xt, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(xe)[:, 1]
elif name == "catboost":
    import catboost
    start = time.perf_counter()
    m = catboost.CatBoostClassifier(
        iterations=100, grow_policy="Lossguide", max_leaves=31, depth=16,
        learning_rate=0.1, border_count=254, thread_count=threads,
        bootstrap_type="Bernoulli" if fraction < 1 else "No",
        **(dict(subsample=fraction) if fraction < 1 else {}),
        verbose=0, allow_writing_files=False).fit(xt, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(xe)[:, 1]
else:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits
    start = time.perf_counter()
    with threadpool_limits(threads):
        m = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31,
            learning_rate=0.1, early_stopping=False).fit(xt, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(xe)[:, 1]
import resource
print(json.dumps([seconds, roc_auc_score(ye, p),
                  resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""

WRITE = GENERATE + """
import sys
import polars as pl
rows, train, test = int(sys.argv[1]), sys.argv[2], sys.argv[3]
x, y = table(rows + rows // 5, 1)
t = pl.DataFrame({**{f"f{k:02d}": x[:, k] for k in range(28)}, "y": y})
t[:rows].write_csv(train)
t[rows:].write_csv(test)
"""


def run(command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return out.stdout


def mlspec(args, threads, folder):
    model = os.path.join(folder, "m")
    extra = ["--row-fraction", str(args.fraction)] if args.fraction < 1 else []
    told = json.loads(run(
        [args.mlspec, "train", os.path.join(folder, "train.csv"), "-t", "y",
         "--learner", "gbdt", "--iterations", "100", "--leaves", "31",
         "--learning-rate", "0.1", "--bins", "255", "--stopping", "off",
         "--threads", str(threads), "-q", "--json", "-o", model] + extra))
    auc = json.loads(run(
        [args.mlspec, "evaluate", "-m", model, "--bootstrap", "0", "--metric",
         "roc_auc", "-q", "--json", os.path.join(folder, "test.csv")]))
    return (told["seconds"]["fit"], auc["figures"][0]["value"],
            told["peak_memory_mb"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--rows", type=int, default=800000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fraction", type=float, default=1)
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--only", default="lightgbm,lightgbm-quantized,"
                        "xgboost,catboost,histgb")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, "-c", WRITE, str(args.rows),
             os.path.join(folder, "train.csv"),
             os.path.join(folder, "test.csv")])
        for threads in map(int, args.threads.split(",")):
            got = {}
            for _ in range(args.rounds):
                got.setdefault("mlspec", []).append(
                    mlspec(args, threads, folder))
                for name in args.only.split(","):
                    got.setdefault(name, []).append(json.loads(run(
                        [sys.executable, "-c", PEER, name, str(args.rows),
                         str(threads), str(args.fraction)])))
            own = statistics.median(r[0] for r in got["mlspec"])
            for name, runs in got.items():
                seconds = [r[0] for r in runs]
                median = statistics.median(seconds)
                print(f"{threads} threads  {name:20} {median:7.3f} s "
                      f"({min(seconds):.3f}-{max(seconds):.3f})  "
                      f"AUC {runs[0][1]:.5f}  {max(r[2] for r in runs):6.0f} MB"
                      f"  mlspec/this {own / median:.2f}", flush=True)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Gradient boosting beside LightGBM, XGBoost, CatBoost and scikit-learn.

    PYTHON tests/bench/gbdt.py --mlspec build/mlspec [--table numeric]
        [--fraction F] [--process] [--busy] [--rounds 3] [--threads 2,1]

PYTHON has numpy, polars, scikit-learn, lightgbm, xgboost, catboost (and ydf for
--process).  The same settings for all: 100 trees of 31 leaves, 255 bins, rate
0.1, every row (with --fraction F: that share of the rows drawn anew for each
tree, where a contender can).  Tables are made here, two classes each:

    numeric   800,000 x 28; seven columns are functions of others, four have
              three values
    mixed     400,000 x 20; eight columns are categories of 3 to 5,000 levels,
              a cell in 50 of four of the others is missing
    small     32,000 x 14, of the shape of the census table "adult": six whole
              numbers, most of them heavy at a value, eight categories of 2 to
              41 levels

Contenders take turns.  Fits alone: a contender's clock holds its binning.
mlspec's is `seconds.fit` of --json: codes, trees, model.  It is given a CSV, the
others an array that lies in memory; reading is in nobody's clock.  CatBoost and
XGBoost take categories as such, LightGBM too; scikit-learn takes those of at
most 255 levels, the others as numbers.  --process: from the CSV to the model
file, the whole process, imports included.  --busy: once quiet and once beside
one endless loop a core, of the same priority.  AUC is that of a fifth as many
rows that nobody trained on.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

GENERATE = """
import sys
import numpy as np

LEVELS = dict(numeric={}, mixed={12: 3, 13: 12, 14: 50, 15: 200, 16: 700,
                                 17: 1500, 18: 3000, 19: 5000},
              small={6: 8, 7: 16, 8: 7, 9: 14, 10: 6, 11: 5, 12: 2, 13: 41})

def draw_numeric(n, r):
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
    return x, s

def draw_levels(n, r, levels, first):
    # frequencies fall like 1 / rank; every level has an effect of its own
    columns, s = [], 0
    for k, count in enumerate(levels):
        p = 1 / (1 + np.arange(count))
        code = r.choice(count, n, p=p / p.sum())
        effect = np.random.default_rng(100 + first + k).standard_normal(count)
        columns.append(code)
        s = s + 0.5 * effect[code]
    return np.stack(columns, 1).astype(np.float32), s

def draw_mixed(n, r):
    x = r.standard_normal((n, 12)).astype(np.float32)
    c, s = draw_levels(n, r, LEVELS["mixed"].values(), 12)
    s = s + np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * np.abs(x[:, 3])
    for k in range(4):
        x[r.random(n) < 0.02, k] = np.nan
    return np.concatenate([x, c], 1), s

def draw_small(n, r):
    age = np.clip(np.round(38 + 14 * r.standard_normal(n)), 17, 90)
    weight = np.round(np.exp(12 + 0.5 * r.standard_normal(n)))
    school = np.round(np.clip(10 + 2.6 * r.standard_normal(n), 1, 16))
    gain = np.where(r.random(n) < 0.92, 0, np.round(np.exp(8 + r.random(n))))
    loss = np.where(r.random(n) < 0.95, 0, np.round(1500 + 800 * r.random(n)))
    hours = np.where(r.random(n) < 0.47, 40,
                     np.round(np.clip(40 + 14 * r.standard_normal(n), 1, 99)))
    c, s = draw_levels(n, r, LEVELS["small"].values(), 6)
    s = (s + 0.05 * np.minimum(age, 50) + 0.3 * school + (gain > 5000)
         + 0.02 * hours)
    x = np.stack([age, weight, school, gain, loss, hours], 1)
    return np.concatenate([x.astype(np.float32), c], 1), s

def table(kind, n, seed):
    r = np.random.default_rng(seed)
    x, s = dict(numeric=draw_numeric, mixed=draw_mixed,
                small=draw_small)[kind](n, r)
    s = (s - s.mean()) / s.std()
    y = (r.random(n) < 1 / (1 + np.exp(-1.1 * s))).astype(np.int32)
    return x, y
"""

PEER = GENERATE + """
import time, json
from sklearn.metrics import roc_auc_score
name, kind, rows, threads = sys.argv[1:5]
rows, threads, fraction = int(rows), int(threads), float(sys.argv[5])
x, y = table(kind, rows + rows // 5, 1)
xt, yt, xe, ye = x[:rows], y[:rows], x[rows:], y[rows:]
levels = LEVELS[kind]
bag = dict(bagging_fraction=fraction, bagging_freq=1) if fraction < 1 else {}
if name.startswith("lightgbm"):
    import lightgbm as lgb
    start = time.perf_counter()
    m = lgb.train(dict(objective="binary", num_leaves=31, learning_rate=0.1,
                       max_bin=255, num_threads=threads, verbose=-1, **bag,
                       use_quantized_grad=name.endswith("quantized")),
                  lgb.Dataset(xt, yt, categorical_feature=list(levels)), 100)
    seconds = time.perf_counter() - start
    p = m.predict(xe)
elif name == "xgboost":
    import xgboost as xgb
    types = ["c" if k in levels else "float" for k in range(x.shape[1])]
    start = time.perf_counter()
    m = xgb.XGBClassifier(n_estimators=100, max_leaves=31, max_depth=0,
                          grow_policy="lossguide", tree_method="hist",
                          max_bin=255, learning_rate=0.1, n_jobs=threads,
                          subsample=fraction, feature_types=types,
                          enable_categorical=True).fit(xt, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(xe)[:, 1]
elif name == "catboost":
    import catboost
    import pandas as pd
    def frame(x):
        return pd.DataFrame({k: x[:, k].astype(np.int32) if k in levels
                             else x[:, k] for k in range(x.shape[1])})
    ft, fe = (frame(xt), frame(xe)) if levels else (xt, xe)
    start = time.perf_counter()
    m = catboost.CatBoostClassifier(
        iterations=100, grow_policy="Lossguide", max_leaves=31, depth=16,
        learning_rate=0.1, border_count=254, thread_count=threads,
        bootstrap_type="Bernoulli" if fraction < 1 else "No",
        **(dict(subsample=fraction) if fraction < 1 else {}),
        cat_features=list(levels), verbose=0,
        allow_writing_files=False).fit(ft, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(fe)[:, 1]
else:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits
    few = [k for k, count in levels.items() if count <= 255]
    start = time.perf_counter()
    with threadpool_limits(threads):
        m = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31,
            learning_rate=0.1, early_stopping=False,
            categorical_features=few or None).fit(xt, yt)
    seconds = time.perf_counter() - start
    p = m.predict_proba(xe)[:, 1]
import resource
print(json.dumps([seconds, roc_auc_score(ye, p),
                  resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""

WRITE = GENERATE + """
import polars as pl
kind, rows, train, test = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
x, y = table(kind, rows + rows // 5, 1)
def column(k):
    if k in LEVELS[kind]:
        return "level " + pl.Series(x[:, k].astype(np.int32)).cast(pl.String)
    return pl.Series(x[:, k]).fill_nan(None)
t = pl.DataFrame({**{f"f{k:02d}": column(k) for k in range(x.shape[1])}, "y": y})
t[:rows].write_csv(train)
t[rows:].write_csv(test)
"""

# From a CSV to a model file.
PROCESS = """
import sys
name, train, model, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
if name == "ydf":
    import ydf
    ydf.verbose(0)
    ydf.GradientBoostedTreesLearner(
        label="y", task=ydf.Task.CLASSIFICATION, num_trees=100,
        growing_strategy="BEST_FIRST_GLOBAL", max_num_nodes=31, max_depth=-1,
        shrinkage=0.1, validation_ratio=0.0, early_stopping="NONE",
        discretize_numerical_columns=True, num_threads=threads
    ).train("csv:" + train).save(model)
    sys.exit()
import polars as pl
t = pl.read_csv(train)
y = t["y"].to_numpy()
t = t.drop("y")
names = [c for c in t.columns if t[c].dtype == pl.String]
if name.startswith("lightgbm"):
    import lightgbm as lgb
    t = t.with_columns(pl.col(names).cast(pl.Categorical).to_physical())
    t = t.with_columns(pl.all().cast(pl.Float32))
    m = lgb.train(dict(objective="binary", num_leaves=31, learning_rate=0.1,
                       max_bin=255, num_threads=threads, verbose=-1,
                       use_quantized_grad=name.endswith("quantized")),
                  lgb.Dataset(t.to_numpy(), y, categorical_feature=[
                      t.columns.index(c) for c in names]), 100)
    m.save_model(model)
else:
    import xgboost as xgb
    t = t.with_columns(pl.col(names).cast(pl.Categorical).to_physical())
    x = t.with_columns(pl.all().cast(pl.Float32)).to_numpy()
    m = xgb.XGBClassifier(n_estimators=100, max_leaves=31, max_depth=0,
                          grow_policy="lossguide", tree_method="hist",
                          max_bin=255, learning_rate=0.1, n_jobs=threads,
                          enable_categorical=True, feature_types=[
                              "c" if c in names else "float"
                              for c in t.columns]).fit(x, y)
    m.save_model(model + ".ubj")
"""


def run(command):
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return out.stdout


def train_command(args, threads, folder):
    return [args.mlspec, "train", os.path.join(folder, "train.csv"), "-t", "y",
            "--learner", "gbdt", "--iterations", "100", "--leaves", "31",
            "--learning-rate", "0.1", "--bins", "255", "--stopping", "off",
            "--growth", "leaf", "--depth", "0", "--min-leaf-rows", "10",
            "--l2", "1", "--row-fraction", str(args.fraction),
            "--column-fraction", "1", "--node-fraction", "1",
            "--category-smooth", "10", "--category-l2", "10",
            "--category-min-rows", "5", "--threads", str(threads), "-q",
            "--json", "-o", os.path.join(folder, "m")] + args.more.split()


def mlspec(args, threads, folder):
    told = json.loads(run(train_command(args, threads, folder)))
    auc = json.loads(run(
        [args.mlspec, "evaluate", "-m", os.path.join(folder, "m"),
         "--bootstrap", "0", "--metric", "roc_auc", "-q", "--json",
         os.path.join(folder, "test.csv")]))
    return (told["seconds"]["fit"], auc["figures"][0]["value"],
            told["peak_memory_mb"])


def fit(args, name, threads, folder):
    if name == "mlspec":
        return mlspec(args, threads, folder)
    return json.loads(run(
        [sys.executable, "-c", PEER, name, args.table, str(args.rows),
         str(threads), str(args.fraction)]))


def process(args, name, threads, folder):
    train = os.path.join(folder, "train.csv")
    model = os.path.join(folder, "model-" + name)
    if name == "mlspec":
        command = train_command(args, threads, folder)
    elif name == "lightgbm-cli":
        command = [args.lightgbm_cli, "task=train", "objective=binary",
                   "data=" + train, "header=true", "label_column=name:y",
                   "num_trees=100", "num_leaves=31", "learning_rate=0.1",
                   "max_bin=255", f"num_threads={threads}", "verbosity=-1",
                   "output_model=" + model]
    else:
        command = [sys.executable, "-c", PROCESS, name, train, model,
                   str(threads)]
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    if status != 0:
        sys.exit(f"{name} failed")
    return seconds, None, usage.ru_maxrss / 1024


def beside(work, busy):
    """work() beside an endless loop on each core."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
             for _ in range(busy)]
    try:
        return work()
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def report(label, got):
    own = statistics.median(r[0] for r in got["mlspec"])
    for name, runs in got.items():
        seconds = [r[0] for r in runs]
        median = statistics.median(seconds)
        auc = "" if runs[0][1] is None else f"AUC {runs[0][1]:.5f}  "
        print(f"{label}  {name:20} {median:7.3f} s "
              f"({min(seconds):.3f}-{max(seconds):.3f})  {auc}"
              f"{max(r[2] for r in runs):6.0f} MB  mlspec/this "
              f"{own / median:.2f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--table", default="numeric",
                        choices=["numeric", "mixed", "small"])
    parser.add_argument("--rows", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--fraction", type=float, default=1)
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--process", action="store_true")
    parser.add_argument("--busy", action="store_true")
    parser.add_argument("--lightgbm-cli", help="its program, for --process")
    parser.add_argument("--folder", help="where tables are kept for reuse")
    parser.add_argument("--more", default="", help="more options for mlspec")
    parser.add_argument("--only", help="peers, a list")
    args = parser.parse_args()
    args.rows = args.rows or dict(numeric=800000, mixed=400000,
                                  small=32000)[args.table]
    peers = args.only if args.only is not None else (
        "lightgbm,lightgbm-quantized,xgboost,ydf" if args.process
        else "lightgbm,lightgbm-quantized,xgboost,catboost,histgb")
    names = ["mlspec"] + [name for name in peers.split(",") if name]
    if args.process and args.lightgbm_cli:
        names.append("lightgbm-cli")
    work = process if args.process else fit
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder or made
        if not os.path.exists(os.path.join(folder, "train.csv")):
            os.makedirs(folder, exist_ok=True)
            run([sys.executable, "-c", WRITE, args.table, str(args.rows),
                 os.path.join(folder, "train.csv"),
                 os.path.join(folder, "test.csv")])
        for threads in map(int, args.threads.split(",")):
            quiet, busy = {}, {}
            for _ in range(args.rounds):
                for name in names:
                    quiet.setdefault(name, []).append(
                        work(args, name, threads, folder))
                    if args.busy:
                        busy.setdefault(name, []).append(beside(
                            lambda: work(args, name, threads, folder),
                            os.cpu_count()))
            report(f"{threads} threads", quiet)
            if args.busy:
                report(f"{threads} threads, busy", busy)
                for name in names:
                    share = (statistics.median(r[0] for r in busy[name])
                             / statistics.median(r[0] for r in quiet[name]))
                    print(f"{name:20} busy/quiet {share:.2f}")


if __name__ == "__main__":
    main()

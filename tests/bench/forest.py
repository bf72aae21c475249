#!/usr/bin/env python3
"""Random forests beside YDF, scikit-learn and ranger.

    PYTHON tests/bench/forest.py --mlspec build/mlspec [--table numeric]
        [--rounds 3] [--once ydf,sklearn,ranger] [--oob] [--seeds 1]

PYTHON has numpy, polars, scikit-learn, ydf; R has ranger and data.table.  The
same settings for all: 100 trees, no bound on their depth, leaves of one row,
bags with replacement, the root of the columns looked at in a node for classes
and two thirds for numbers, leaves' probabilities averaged.  Quality is measured
out of bag by all that can (--oob) or by none.

Tables, made here: `numeric`, 100,000 x 28 with two classes (that of gbdt.py);
`adult`, 32,000 rows of 6 numeric and 8 categorical columns, two classes;
`diamonds`, 54,000 rows of 6 numeric and 3 categorical ones, a number.
scikit-learn is given categories as numbers in order of their names, outside its
clock.

Fits alone, in turn, threads 2 and 1; a contender's clock holds its binning or
sorting, nobody's holds reading.  Beside it stand the processor seconds of all
threads, which say more on a machine that is not idle: of the fit, of mlspec those
of the whole process with its reading and writing.  AUC, or R2, is that of a fifth as many rows that
nobody trained on, with --seeds N the mean and spread over N seeds.  Sizes are
those of a saved model: mlspec's file, YDF's folder, a pickle, an rds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

import gbdt

TABLES = gbdt.GENERATE + """
import polars as pl

def numeric(n):
    x, y = table("numeric", n, 1)
    return pl.DataFrame({**{f"f{k:02d}": x[:, k] for k in range(28)},
                         "y": np.where(y, "yes", "no")})

def levels(r, n, count, letter):
    p = 1 / np.arange(1, count + 1)
    return r.choice(count, n, p=p / p.sum()), [f"{letter}{k:02d}" for k in range(count)]

def adult(n):
    r = np.random.default_rng(2)
    age = np.round(17 + 60 * r.beta(1.5, 3, n))
    hours = np.clip(np.round(40 + 12 * r.standard_normal(n)), 1, 99)
    weight = np.round(np.exp(12 + 0.5 * r.standard_normal(n)))
    years = r.integers(1, 17, n)
    gain = np.where(r.random(n) < 0.08, np.round(np.exp(8 + r.standard_normal(n))), 0)
    loss = np.where(r.random(n) < 0.05, np.round(1900 + 200 * r.standard_normal(n)), 0)
    t = dict(age=age, hours=hours, weight=weight, years=years, gain=gain, loss=loss)
    s = 0.04 * (age - 38) - 0.0015 * (age - 45) ** 2 + 0.03 * (hours - 40) + 0.3 * (years - 10)
    s = s + 2 * (gain > 5000) + (loss > 1900)
    for name, count in (("a", 8), ("b", 16), ("c", 7), ("d", 14), ("e", 6), ("f", 5), ("g", 2), ("h", 42)):
        code, words = levels(r, n, count, name)
        t["cat_" + name] = np.array(words)[code]
        s = s + (r.standard_normal(count) * (0.7 if name in "acdg" else 0.1))[code]
    y = r.random(n) < 1 / (1 + np.exp(-(s - np.quantile(s, 0.75)) * 1.3))
    return pl.DataFrame({**t, "y": np.where(y, "more", "less")})

def diamonds(n):
    r = np.random.default_rng(3)
    carat = np.round(np.exp(-0.4 + 0.6 * r.standard_normal(n)), 2)
    depth = np.round(61.7 + 1.4 * r.standard_normal(n), 1)
    wide = np.round(57 + 2 * r.standard_normal(n))
    side = np.cbrt(carat * 165)
    t = dict(carat=carat, depth=depth, wide=wide,
             x=np.round(side * (1 + 0.01 * r.standard_normal(n)), 2),
             y=np.round(side * (1 + 0.01 * r.standard_normal(n)), 2),
             z=np.round(side * depth / 100, 2))
    s = 7.7 + 1.7 * np.log(carat) - 0.002 * (depth - 61.7) ** 2
    for name, count, size in (("cut", 5, 0.05), ("color", 7, 0.15), ("clarity", 8, 0.3)):
        code, words = levels(r, n, count, name)
        t[name] = np.array(words)[code]
        s = s + (r.standard_normal(count) * size)[code]
    t["price"] = np.round(np.exp(s + 0.1 * r.standard_normal(n)))
    return pl.DataFrame({("side" if k == "y" else k): v for k, v in t.items() if k != "price"}
                        | {"y": t["price"]})

MADE = dict(numeric=(numeric, 100000), adult=(adult, 32000), diamonds=(diamonds, 54000))
"""

WRITE = TABLES + """
import sys
make, rows = MADE[sys.argv[1]]
t = make(rows + rows // 5)
t[:rows].write_csv(sys.argv[2])
t[rows:].write_csv(sys.argv[3])
"""

PEER = """
import sys, time, json, os, pickle, tempfile
import numpy as np, polars as pl
name, folder, threads, oob, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4] == "1", int(sys.argv[5])
a = pl.read_csv(os.path.join(folder, "train.csv"))
b = pl.read_csv(os.path.join(folder, "test.csv"))
classes = a["y"].dtype == pl.String
p = a.width - 1
part = max(1, round(p ** 0.5)) if classes else max(1, round(2 * p / 3))
words = [c for c in a.columns if a[c].dtype == pl.String and c != "y"]

def quality(truth, score):
    from sklearn.metrics import roc_auc_score, r2_score
    return (roc_auc_score if classes else r2_score)(truth, score)

last = sorted(set(a["y"]))[-1] if classes else None
truth = (b["y"] == last).to_numpy() if classes else b["y"].to_numpy()
if name == "ydf":
    import ydf
    ydf.verbose(0)
    task = ydf.Task.CLASSIFICATION if classes else ydf.Task.REGRESSION
    learner = ydf.RandomForestLearner(
        label="y", task=task, num_trees=100, max_depth=-1, min_examples=1,
        num_candidate_attributes=part, winner_take_all=False,
        compute_oob_performances=oob, num_threads=threads, random_seed=seed)
    start, busy = time.perf_counter(), time.process_time()
    m = learner.train(a)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    score = m.predict(b)
    if classes and m.label_classes()[-1] != last:
        score = 1 - score
    with tempfile.TemporaryDirectory() as to:
        m.save(os.path.join(to, "m"))
        size = sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(to) for f in fs)
else:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    for c in words:
        order = {w: k for k, w in enumerate(sorted(set(a[c])))}
        a, b = (t.with_columns(pl.Series(c, [order.get(w, -1) for w in t[c]])) for t in (a, b))
    xa = a.drop("y").to_numpy().astype(np.float32)
    xb = b.drop("y").to_numpy().astype(np.float32)
    ya = a["y"].to_numpy()
    make = RandomForestClassifier if classes else RandomForestRegressor
    m = make(n_estimators=100, max_features=part, n_jobs=threads, oob_score=oob, random_state=seed)
    start, busy = time.perf_counter(), time.process_time()
    m.fit(xa, ya)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    score = m.predict_proba(xb)[:, 1] if classes else m.predict(xb)
    size = len(pickle.dumps(m))
print(json.dumps([seconds, quality(truth, score), size / 1e6, busy]))
"""

RANGER = """
suppressMessages({library(ranger); library(data.table)})
g <- commandArgs(TRUE)
a <- fread(file.path(g[1], "train.csv"), stringsAsFactors = TRUE, nThread = 1)
b <- fread(file.path(g[1], "test.csv"), stringsAsFactors = TRUE, nThread = 1)
classes <- is.factor(a$y)
p <- ncol(a) - 1
part <- if (classes) max(1, round(sqrt(p))) else max(1, round(2 * p / 3))
start <- proc.time()
m <- ranger(dependent.variable.name = "y", data = a, num.trees = 100, mtry = part,
            min.node.size = 1, probability = classes, oob.error = g[3] == "1",
            num.threads = as.integer(g[2]), seed = as.integer(g[4]))
spent <- proc.time() - start
score <- predict(m, b)$predictions
if (classes) {
    last <- sort(levels(a$y))[nlevels(a$y)]
    score <- score[, last]
    truth <- b$y == last
    r <- rank(score)
    n <- as.numeric(sum(truth))
    q <- (sum(r[truth]) - n * (n + 1) / 2) / n / (length(truth) - n)
} else {
    q <- 1 - sum((b$y - score)^2) / sum((b$y - mean(b$y))^2)
}
to <- tempfile()
saveRDS(m, to)
cat(sprintf("[%.4f, %.6f, %.3f, %.4f]\\n", spent[["elapsed"]], q, file.size(to) / 1e6,
            spent[["user.self"]] + spent[["sys.self"]]))
"""


def run(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def mlspec(args, threads, folder, seed):
    model = os.path.join(folder, "m")
    before = os.times()
    told = json.loads(run(
        [args.mlspec, "train", os.path.join(folder, "train.csv"), "-t", "y",
         "--learner", "forest", "--trees", "100", "--seed", str(seed),
         "--threads", str(threads), "-q", "--json", "-o", model]
        + ([] if args.oob else ["--no-oob-score"]) + args.extra.split()))
    after = os.times()
    busy = (after.children_user + after.children_system
            - before.children_user - before.children_system)
    metric = "r2" if args.table == "diamonds" else "roc_auc"
    got = json.loads(run(
        [args.mlspec, "evaluate", "-m", model, "--bootstrap", "0", "--metric",
         metric, "-q", "--json", os.path.join(folder, "test.csv")]))
    return (told["seconds"]["fit"], got["figures"][0]["value"],
            os.path.getsize(model) / 1e6, busy)


def contend(name, args, threads, folder, seed):
    if name == "mlspec":
        return mlspec(args, threads, folder, seed)
    if name == "ranger":
        return json.loads(run(["Rscript", "-e", RANGER, folder, str(threads),
                               "1" if args.oob else "0", str(seed)]))
    return json.loads(run([sys.executable, "-c", PEER, name, folder,
                           str(threads), "1" if args.oob else "0",
                           str(seed)]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--table", default="numeric",
                        choices=["numeric", "adult", "diamonds"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--oob", action="store_true")
    parser.add_argument("--extra", default="", help="options for mlspec")
    parser.add_argument("--only", default="mlspec,ydf,sklearn,ranger")
    parser.add_argument("--once", default="", help="slow ones: first round only")
    parser.add_argument("--each", action="store_true", help="print every run")
    parser.add_argument("--folder", help="tables made before by --write")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as own_folder:
        folder = args.folder or own_folder
        if args.write or not args.folder:
            run([sys.executable, "-c", WRITE, args.table,
                 os.path.join(folder, "train.csv"),
                 os.path.join(folder, "test.csv")])
        if args.write:
            return
        for threads in map(int, args.threads.split(",")):
            got = {}
            for k in range(args.rounds):
                for name in args.only.split(","):
                    if k and name in args.once.split(","):
                        continue
                    seed = 1 + k % args.seeds
                    one = contend(name, args, threads, folder, seed)
                    got.setdefault(name, []).append(one)
                    if args.each:
                        print(f"{threads} {name} seed {seed}: {one[0]:.3f} s, "
                              f"{one[1]:.5f}, {one[2]:.1f} MB, "
                              f"{one[3]:.2f} processor s",
                              file=sys.stderr, flush=True)
            own = statistics.median(r[0] for r in got.get("mlspec", [[0]]))
            for name, runs in got.items():
                seconds = [r[0] for r in runs]
                quality = [r[1] for r in runs]
                median = statistics.median(seconds)
                print(f"{args.table} {threads} threads  {name:8} "
                      f"{median:7.3f} s ({min(seconds):.3f}-{max(seconds):.3f})"
                      f"  quality {statistics.mean(quality):.5f} "
                      f"({min(quality):.5f}-{max(quality):.5f})"
                      f"  {runs[0][2]:7.1f} MB  processor "
                      f"{statistics.median(r[3] for r in runs):.2f} s"
                      f"  mlspec/this "
                      f"{own / median:.2f}", flush=True)


if __name__ == "__main__":
    main()

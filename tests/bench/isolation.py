#!/usr/bin/env python3
"""Isolation forest beside scikit-learn's.

    PYTHON tests/bench/isolation.py --mlspec build/mlspec [--rows 800000]
        [--rounds 3] [--seeds 1]

PYTHON has numpy, polars, scipy, scikit-learn.  100 trees on 256 rows each, for
both.  The table is made here: 28 numeric columns, those of gbdt.py, in which
one row in a hundred has three of its cells drawn from a spread four times as
wide.

Fit and scoring of all rows, in turn, threads 2 and 1.  mlspec's clock holds
`seconds.fit` of train --json and, of predict --json, everything but reading and
writing, as measured by a second run of predict with a model of one tree: the
difference is 99 hundredths of the scoring.  --whole times the processes from CSV
to CSV instead.  scikit-learn is given an array in memory and works on as many
threads (n_jobs).  AUC is that of the scores against the rows that were changed;
rank correlation that of the two programs' scores.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import gbdt

TABLE = gbdt.GENERATE + """
def odd_table(n):
    x, _ = table("numeric", n, 1)
    r = np.random.default_rng(5)
    odd = r.random(n) < 0.01
    rows = np.flatnonzero(odd)
    for _ in range(3):
        c = r.integers(0, 28, len(rows))
        x[rows, c] = x.mean(0)[c] + 4 * x.std(0)[c] * r.standard_normal(len(rows))
    return x, odd
"""

WRITE = TABLE + """
import sys
import polars as pl
x, odd = odd_table(int(sys.argv[1]))
t = pl.DataFrame({**{f"f{k:02d}": x[:, k] for k in range(28)},
                  "odd": np.where(odd, "yes", "no")})
t.write_csv(sys.argv[2])
np.save(sys.argv[3], x)
"""

PEER = """
import sys, time, json
import numpy as np, polars as pl
from sklearn.ensemble import IsolationForest
how, folder, threads, seed = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
start = time.perf_counter()
if how == "whole":
    x = pl.read_csv(folder + "/t.csv").drop("odd").to_numpy()
else:
    x = np.load(folder + "/x.npy")
    start = time.perf_counter()
m = IsolationForest(n_estimators=100, n_jobs=threads, random_state=seed).fit(x)
fitted = time.perf_counter()
score = -m.score_samples(x)
if how == "whole":
    pl.DataFrame({"prediction": score}).write_csv(folder + "/peer.csv")
end = time.perf_counter()
np.save(folder + f"/peer{seed}.npy", score)
print(json.dumps([fitted - start, end - fitted]))
"""

JUDGE = """
import sys, json
import numpy as np, polars as pl
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
odd = pl.read_csv(sys.argv[1] + "/t.csv", columns=["odd"])["odd"].to_numpy() == "yes"
mine = pl.read_csv(sys.argv[1] + "/own.csv")["prediction"].to_numpy()
peers = [np.load(sys.argv[1] + f"/peer{k + 1}.npy") for k in range(int(sys.argv[2]))]
print(json.dumps(dict(
    auc=roc_auc_score(odd, mine), peer_auc=[roc_auc_score(odd, p) for p in peers],
    rank=spearmanr(mine, peers[0])[0],
    peers_rank=spearmanr(peers[-1], peers[0])[0] if len(peers) > 1 else None)))
"""


def run(command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def train(args, threads, folder, trees, seed, model):
    return json.loads(run(
        [args.mlspec, "train", os.path.join(folder, "t.csv"), "--learner",
         "isolation_forest", "--trees", str(trees), "-t", "odd", "--seed",
         str(seed), "--threads", str(threads), "-q", "--json", "-o",
         os.path.join(folder, model)]))["seconds"]["fit"]


def predict(args, threads, folder, model):
    start = time.perf_counter()
    run([args.mlspec, "predict", "-m", os.path.join(folder, model), "-q",
         "--threads", str(threads), "-o", os.path.join(folder, "own.csv"),
         os.path.join(folder, "t.csv")])
    return time.perf_counter() - start


def own(args, threads, folder, seed):
    start = time.perf_counter()
    fit = train(args, threads, folder, 100, seed, "m")
    if args.whole:
        predict(args, threads, folder, "m")
        return [time.perf_counter() - start, 0]
    train(args, threads, folder, 1, seed, "one")
    one = predict(args, threads, folder, "one")
    return [fit, (predict(args, threads, folder, "m") - one) / 0.99]


def peer(args, threads, folder, seed):
    start = time.perf_counter()
    got = json.loads(run([sys.executable, "-c", PEER,
                          "whole" if args.whole else "fit", folder,
                          str(threads), str(seed)]))
    return [time.perf_counter() - start, 0] if args.whole else got


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--rows", type=int, default=800000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--folder", help="the table made before by --write")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = args.folder or made
        if args.write or not args.folder:
            run([sys.executable, "-c", WRITE, str(args.rows),
                 os.path.join(folder, "t.csv"),
                 os.path.join(folder, "x.npy")])
        if args.write:
            return
        for threads in map(int, args.threads.split(",")):
            got = {"mlspec": [], "scikit-learn": []}
            for k in range(args.rounds):
                seed = 1 + k % args.seeds
                got["scikit-learn"].append(peer(args, threads, folder, seed))
                got["mlspec"].append(own(args, threads, folder, seed))
            median = {name: statistics.median(map(sum, runs))
                      for name, runs in got.items()}
            for name, runs in got.items():
                both = [sum(r) for r in runs]
                print(f"{threads} threads  {name:12} {median[name]:7.3f} s "
                      f"({min(both):.3f}-{max(both):.3f}), fit "
                      f"{statistics.median(r[0] for r in runs):.3f}  "
                      f"mlspec/this {median['mlspec'] / median[name]:.2f}",
                      flush=True)
        print(run([sys.executable, "-c", JUDGE, folder,
                   str(min(args.seeds, args.rounds))]).decode(), end="")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Logistic regression against scikit-learn and liblinear: fits alone.

    PYTHON tests/bench/logistic.py --fit build/tests/bench_fit [--rounds 5]
        [--what binary,multinomial] [--threads 1,2] [--without lbfgs,...]
        [--scale 1] [--folder DIR]
    PYTHON tests/bench/logistic.py --fit build/tests/bench_fit --reach
        [--what multinomial] [--without ...] [--scale 1] [--folder DIR]

PYTHON needs numpy and scikit-learn; with liblinear-official, liblinear takes
part in the binary fits.  `fit` is built with -DMLS_BENCH=ON.

Each contender fits the same matrix, which lies in memory as it likes it best
(liblinear: its own problem, ready made, with a column of ones, which it cannot
but penalise; so its objective is its own and only shown).  They take turns;
medians with their spread are printed, and how far each objective is above the
lowest, relatively.  mlspec's time is the second fit of a process, for the
first one opens the BLAS library and touches fresh memory, as scikit-learn's
first did.

  binary       800,000 x 28 normal numbers, classes by a logistic model
  multinomial  55,000 x 784, 10 classes: images of 28 x 28 whole numbers from 0 to
               255, divided by 255.  Each class has four styles, sums of 110
               smooth strokes of which a part is common to all, with random
               strengths; two thirds of the cells are 0, border columns always;
               classes overlap as much as written digits do for this model.
               10,000 more rows are scored by each contender

Every contender's accuracy and log loss on the rows held out are shown.

With --reach: how much processor time each contender needs on one thread until
its objective is within 1e-2 ... 1e-8 of the least that any reaches; its solver
is watched as it runs to the end (mlspec: fits of 1, 2, ... iterations).
Processor time, user and system, tells more than the clock where others are at
work on the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import warnings

import numpy as np
import scipy.optimize
import sklearn.linear_model._logistic
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

warnings.simplefilter("ignore", ConvergenceWarning)

HELD_OUT = 10_000


# ---- Tables ----

def binary_table(n):
    r = np.random.default_rng(1)
    x = r.normal(size=(n, 28))
    s = x @ (r.normal(size=28) * 0.3) + 0.2
    return x, (r.random(n) < 1 / (1 + np.exp(-s))).astype(float)


def strokes(r):
    side = np.arange(28)
    shapes = np.zeros((110, 784), dtype=np.float32)
    for k in range(110):
        picture = np.zeros((28, 28))
        place, turn = r.uniform(8, 20, 2), r.uniform(0, np.pi)
        for t in np.linspace(-1, 1, 9):
            at = place + 5 * t * np.array([np.cos(turn), np.sin(turn)])
            picture += np.exp(-((side[:, None] - at[0]) ** 2
                                + (side - at[1]) ** 2) / 2.5)
        shapes[k] = (picture / picture.max()).ravel()
    return shapes


def multinomial_table(n):
    r = np.random.default_rng(2)
    shapes = strokes(r)
    common = r.gamma(0.6, 1, 110)
    own = r.gamma(0.3, 2, (10, 1, 110)) + r.gamma(0.3, 2, (10, 4, 110))
    style = (0.1 * common + 0.9 * 0.7 * own).astype(np.float32)
    y, which = r.integers(0, 10, n), r.integers(0, 4, n)
    x = np.empty((n, 784))
    for first in range(0, n, 5000):
        part = slice(first, first + 5000)
        strength = style[y[part], which[part]]
        strength = strength * r.standard_gamma(1.2, strength.shape) \
            + r.standard_gamma(0.3, strength.shape)
        picture = 60 * (strength @ shapes)
        picture = np.maximum(0, picture - 0.75 * picture.mean())
        x[part] = np.floor(np.minimum(255, picture))
    return x / 255, y.astype(float)


# ---- Contenders: (x, y, threads) -> seconds, coefficients, intercepts ----

def scikit(solver, **settings):
    def fit(x, y, threads):
        with threadpool_limits(threads):
            start = time.perf_counter()
            m = LogisticRegression(solver=solver, **settings).fit(x, y)
            seconds = time.perf_counter() - start
        return seconds, m.coef_, m.intercept_

    return fit


def mlspec(program, path):
    def fit(x, y, threads):
        classes = int(y.max()) + 1
        done = json.loads(subprocess.run(
            [program, "logistic", path, str(len(x)), str(x.shape[1]),
             str(classes), str(threads), "2", "l2=1"],
            check=True, capture_output=True).stdout)
        b = np.array(done["coef"]).reshape(-1, x.shape[1])
        return done["seconds"][-1], b, np.array(done["intercept"])

    return fit


def liblinear(x, y):
    from liblinear.liblinearutil import problem, train

    data = problem(y, np.hstack([x, np.ones((len(x), 1))]))

    def fit(x, y, threads):
        start = time.perf_counter()
        m = train(data, "-s 0 -c 1 -q")
        seconds = time.perf_counter() - start
        w = np.array(m.get_decfun()[0]) * (1 if m.get_labels()[0] else -1)
        return seconds, w[None, :-1], w[-1:]

    return fit


# ---- The comparison ----

def objective(x, y, b, b0):
    s = x @ b.T + b0
    if len(b) == 1:
        loss = np.logaddexp(0, np.where(y > 0, -s[:, 0], s[:, 0])).sum()
    else:
        high = s.max(axis=1)
        own = s[np.arange(len(s)), y.astype(int)]
        loss = (np.log(np.exp(s - high[:, None]).sum(axis=1)) + high
                - own).sum()
    return loss + (b ** 2).sum() / 2


def held_out(x, y, b, b0):
    """Accuracy and mean log loss."""
    if len(b) == 1:
        b, b0 = np.vstack([0 * b, b]), np.append(0, b0)
    s = x @ b.T + b0
    s -= s.max(axis=1)[:, None]
    own = s[np.arange(len(s)), y.astype(int)]
    return (np.mean(s.argmax(axis=1) == y),
            np.mean(np.log(np.exp(s).sum(axis=1)) - own))


def compare(title, x, y, test, contenders, threads_list, rounds):
    for threads in threads_list:
        times = {name: [] for name in contenders}
        best = {}
        for _ in range(rounds):
            for name, fit in contenders.items():
                seconds, b, b0 = fit(x, y, threads)
                times[name].append(seconds)
                best[name] = (b, b0)
        scores = {name: held_out(*test, *b) for name, b in best.items()}
        best = {name: objective(x, y, *b) for name, b in best.items()}
        lowest = min(best.values())
        ours = statistics.median(times["mlspec"])
        for name, t in times.items():
            print(f"{title}, {threads} thread(s), {name}: median "
                  f"{statistics.median(t):.3f} s ({min(t):.3f} to "
                  f"{max(t):.3f}), mlspec takes "
                  f"{ours / statistics.median(t):.3f} of it, objective "
                  f"+{best[name] / lowest - 1:.1e}, held out "
                  f"{scores[name][0]:.4f} {scores[name][1]:.6f}", flush=True)


# ---- Time to an objective ----

WITHIN = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]


def reach_mlspec(program, path, x, y):
    """[(seconds, objective)] after 1, 2, ... iterations, until none is left."""
    trace = []
    while len(trace) < 3 or trace[-1][1] < trace[-2][1]:
        done = json.loads(subprocess.run(
            [program, "logistic", path, str(len(x)), str(x.shape[1]),
             str(int(y.max()) + 1), "1", "2", "l2=1",
             f"max_iterations={len(trace) + 1}"],
            check=True, capture_output=True).stdout)
        b = np.array(done["coef"]).reshape(-1, x.shape[1])
        trace.append((done["processor_seconds"][-1],
                      objective(x, y, b, np.array(done["intercept"]))))
    return trace


def reach_scikit(x, y, solver):
    """The same, wherever the solver has stepped to or looked at the loss."""
    trace, module = [], sklearn.linear_model._logistic
    minimize, newton = scipy.optimize.minimize, module._newton_cg

    def seen(loss):
        trace.append((time.process_time() - start, float(loss) * len(x)))

    def watched_minimize(*args, callback=None, **settings):
        def watched(intermediate_result):
            seen(intermediate_result.fun)
            if callback:
                callback(intermediate_result)

        return minimize(*args, callback=watched, **settings)

    def watched_newton(func, **settings):
        def watched(w, *args):
            loss = func(w, *args)
            seen(loss)
            return loss

        return newton(func=watched, **settings)

    scipy.optimize.minimize = watched_minimize
    module._newton_cg = watched_newton
    with threadpool_limits(1):
        start = time.process_time()
        LogisticRegression(solver=solver, max_iter=5000, tol=1e-9).fit(x, y)
    scipy.optimize.minimize, module._newton_cg = minimize, newton
    return trace


def compare_reach(title, x, y, traces):
    lowest = min(value for trace in traces.values() for _, value in trace)
    for name, trace in traces.items():
        shown = []
        for within in WITHIN:
            there = [seconds for seconds, value in trace
                     if value <= lowest * (1 + within)]
            shown.append(f"{within:.0e} "
                         + (f"{there[0]:.2f} s" if there else "never"))
        end = min(value for _, value in trace) / lowest - 1
        print(f"{title}, {name}: {', '.join(shown)}; ends at +{end:.1e} after "
              f"{trace[-1][0]:.2f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--fit", required=True)
    parser.add_argument("--what", default="binary,multinomial")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", default="")
    parser.add_argument("--scale", type=float, default=1,
                        help="share of the full number of rows")
    parser.add_argument("--reach", action="store_true")
    parser.add_argument("--folder", help="keeps the tables, to use them again")
    options = parser.parse_args()
    threads = [int(t) for t in options.threads.split(",")]

    with tempfile.TemporaryDirectory() as own:
        folder = options.folder or own
        for what in options.what.split(","):
            n = int((800_000 if what == "binary" else 55_000) * options.scale)
            p = 28 if what == "binary" else 784
            path = os.path.join(folder, f"{what}_{n}")
            if not os.path.exists(path + ".npz"):
                x, y = (binary_table if what == "binary"
                        else multinomial_table)(n + HELD_OUT)
                with open(path, "wb") as file:
                    np.ascontiguousarray(x[:n].T).tofile(file)
                    y[:n].tofile(file)
                np.savez(path, x=x[n:], y=y[n:])
            cells = np.fromfile(path)
            y = cells[n * p:]
            x = np.ascontiguousarray(cells[:n * p].reshape(p, n).T)
            del cells
            test = np.load(path + ".npz")
            test = test["x"], test["y"]
            without = options.without.split(",")
            if options.reach:
                traces = {"mlspec": reach_mlspec(options.fit, path, x, y)}
                for solver in ("lbfgs", "newton-cg"):
                    if solver not in without:
                        traces[solver] = reach_scikit(x, y, solver)
                compare_reach(f"{what} {n:,} x {p}", x, y, traces)
                continue
            contenders = {"mlspec": mlspec(options.fit, path),
                          "lbfgs": scikit("lbfgs")}
            if what == "binary":
                contenders["newton-cholesky"] = scikit("newton-cholesky")
                try:
                    contenders["liblinear"] = liblinear(x, y)
                except ImportError:
                    print("liblinear is not installed")
            else:
                contenders["lbfgs-1e-6"] = scikit(
                    "lbfgs", max_iter=10000, tol=1e-6)
                contenders["newton-cg"] = scikit("newton-cg")
            for name in without:
                contenders.pop(name, None)
            compare(f"{what} {n:,} x {p}", x, y, test, contenders, threads,
                    options.rounds)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Learners with no option over a folder of tables, by held-out folds.

    python3 tests/bench/quality.py --data FOLDER --mlspec build/mlspec
        [--learner logistic,ridge,forest:trees=500] [--peer logistic_cv,ridge_cv]
        [--tables adult,mpg] [--folds N] [--beside linear/logistic]

FOLDER holds one folder a table, and in it

    data.csv   with a header
    meta.json  "task" (binary, multiclass, regression, text), "target",
               "primary_metric" (roc_auc, accuracy, rmse, ...), "folds" (list),
               and for two classes "positive"
    folds.csv  row,fold: each data row, from 0, and the fold in which it is
               tested; -1 is always trained on

A learner is trained with `mlspec train` on the rows outside a fold and measured
with `mlspec evaluate` on those of the fold; a score is the mean over the folds.
NAME:KEY=VALUE:KEY=VALUE sets params.  Tables whose task a learner does not do
are left out for it.

When FOLDER/README.md has a table whose columns begin with `table | folds |
metric`, its folds are used (unless --folds gives their number), and its other
columns that --beside names stand beside.  `text` tables take part only when
--tables names them.

The last lines compare the learners of a task: the mean of the scores for
classes, and for regression the geometric mean of errors over those of the
first contender, for errors have units.

--peer needs numpy, pandas and scikit-learn: its linear models with the penalty
chosen by its own cross-validation, after median imputation with indicators,
standard scaling and one-hot encoding.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time

LOWER_IS_BETTER = {"rmse", "mae", "log_loss", "brier"}


# ---- Tables ----

class Table:
    def __init__(self, folder):
        with open(os.path.join(folder, "meta.json"), encoding="utf-8") as f:
            meta = json.load(f)
        self.name = os.path.basename(folder)
        self.task = meta["task"]
        self.target = meta["target"]
        self.metric = meta["primary_metric"]
        self.positive = meta.get("positive")
        self.folds = meta["folds"]
        self.path = os.path.join(folder, "data.csv")
        with open(self.path, newline="", encoding="utf-8") as f:
            self.header, *self.rows = list(csv.reader(f))
        with open(os.path.join(folder, "folds.csv"), encoding="utf-8") as f:
            fold = {int(r["row"]): int(r["fold"]) for r in csv.DictReader(f)}
        self.fold = [fold[i] for i in range(len(self.rows))]

    def split(self, fold, folder):
        """Paths of the training and the test rows."""
        paths = []
        for name, test in (("train", False), ("test", True)):
            path = os.path.join(folder, f"{self.name}_{fold}_{name}.csv")
            paths.append(path)
            if os.path.exists(path):
                continue
            with open(path, "w", newline="", encoding="utf-8") as f:
                out = csv.writer(f, lineterminator="\n")
                out.writerow(self.header)
                out.writerows(r for r, k in zip(self.rows, self.fold)
                              if (k == fold) == test)
        return paths


def read_tables(folder, names):
    found = [os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if os.path.exists(os.path.join(folder, name, "meta.json"))]
    tables = [Table(path) for path in found
              if not names or os.path.basename(path) in names]
    return [t for t in tables if names or t.task != "text"]


def read_readme(folder):
    """{table: {column: text}} of the table in README.md, if there is one."""
    path, columns, result = os.path.join(folder, "README.md"), None, {}
    if not os.path.exists(path):
        return result
    with open(path, encoding="utf-8") as f:
        for line in f:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if cells[:3] == ["table", "folds", "metric"]:
                columns = cells
            elif columns and len(cells) == len(columns):
                result[cells[0]] = dict(zip(columns, cells))
            else:
                columns = None
    return result


# ---- Contenders: (table, fold, folder) -> score, or None ----

class Ours:
    def __init__(self, mlspec, text):
        self.name = text
        self.mlspec = mlspec
        self.learner, *self.settings = text.split(":")
        self.notes = []

    def score(self, table, train, test, folder):
        model = os.path.join(folder, "model")
        task = "binary" if table.task == "text" else table.task
        command = [self.mlspec, "train", train, "-t", table.target, "-o",
                   model, "--task", task, "--learner", self.learner, "-q"]
        for setting in self.settings:
            command += ["--set", setting]
        if table.positive and task == "binary":
            command += ["--positive", table.positive]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            if "does not do" not in done.stderr:
                print(f"{self.name} on {table.name}: {done.stderr.strip()}",
                      file=sys.stderr)
            return None
        report = subprocess.run(
            [self.mlspec, "evaluate", "-m", model, test, "--json", "-q",
             "--metric", table.metric, "--bootstrap", "0"],
            check=True, capture_output=True, text=True)
        return json.loads(report.stdout)["figures"][0]["value"]


class Peer:
    def __init__(self, name):
        self.name = "scikit-learn " + name
        self.kind = name

    def score(self, table, train, test, folder):
        import numpy as np
        import pandas as pd
        import warnings
        from sklearn.compose import ColumnTransformer, make_column_selector
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegressionCV, RidgeCV
        from sklearn.metrics import (accuracy_score, log_loss, roc_auc_score,
                                     root_mean_squared_error)
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        regression = table.task == "regression"
        if regression != (self.kind == "ridge_cv") or table.task == "text":
            return None
        warnings.simplefilter("ignore")
        a, b = pd.read_csv(train), pd.read_csv(test)
        x = a.drop(columns=table.target)
        numeric = make_column_selector(dtype_include="number")
        other = make_column_selector(dtype_exclude="number")
        prepare = ColumnTransformer([
            ("numeric", make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True),
                StandardScaler()), numeric),
            ("other", OneHotEncoder(handle_unknown="ignore"), other)])
        if regression:
            model = RidgeCV(alphas=np.logspace(-4, 4, 17))
        else:
            model = LogisticRegressionCV(
                Cs=10, max_iter=2000,
                scoring="neg_log_loss" if self.kind == "logistic_cv_loss"
                else None)
        m = make_pipeline(prepare, model).fit(x, a[table.target])
        truth, rest = b[table.target], b.drop(columns=table.target)
        if table.metric == "rmse":
            return root_mean_squared_error(truth, m.predict(rest))
        if table.metric == "accuracy":
            return accuracy_score(truth, m.predict(rest))
        p = m.predict_proba(rest)
        if table.metric == "log_loss":
            return log_loss(truth, p, labels=m.classes_)
        k = [str(c) for c in m.classes_].index(str(table.positive))
        return roc_auc_score(truth == m.classes_[k], p[:, k])


class Stated:
    """A column of README.md."""

    def __init__(self, column, readme):
        self.name = column
        self.readme = readme

    def mean(self, table):
        text = self.readme.get(table.name, {}).get(self.name, "")
        return float(text.replace(",", "")) if text else None


def mean_score(contender, table, folds, folder):
    if isinstance(contender, Stated):
        return contender.mean(table), None
    scores, start = [], time.perf_counter()
    for fold in folds:
        score = contender.score(table, *table.split(fold, folder), folder)
        if score is None:
            return None, None
        scores.append(score)
    seconds = time.perf_counter() - start
    return sum(scores) / len(scores), seconds / len(folds)


# ---- The report ----

def show(value):
    if value is None:
        return ""
    return f"{value:.4f}" if value < 100 else f"{value:,.1f}"


def compare(tables, contenders, results):
    """Means over the tables that all contenders of a task have done; scores
    that print alike are equal."""
    for regression in (False, True):
        mine = [t for t in tables if (t.task == "regression") == regression]
        able = [c.name for c in contenders
                if any(results[t.name][c.name][0] is not None for t in mine)]
        mine = [t for t in mine
                if all(results[t.name][name][0] is not None for name in able)]
        if not mine or not able:
            continue
        print(f"\n{'regression' if regression else 'classes'}: {len(mine)} "
              "tables that all have done")
        for name in able:
            scores = [results[t.name][name][0] for t in mine]
            first = [results[t.name][able[0]][0] for t in mine]
            differ = [show(s) != show(f) for s, f in zip(scores, first)]
            better = sum(d and (s < f) == (t.metric in LOWER_IS_BETTER)
                         for d, s, f, t in zip(differ, scores, first, mine))
            worse = sum(differ) - better
            if regression:
                mean = math.exp(sum(math.log(s / f) for s, f in
                                    zip(scores, first)) / len(mine))
                text = f"geometric mean of ratios {mean:.4f}"
            else:
                text = f"mean {sum(scores) / len(mine):.4f}"
            print(f"  {name}: {text}; better on {better}, worse on {worse} "
                  "than the first")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--learner", default="logistic,ridge")
    parser.add_argument("--peer", default="")
    parser.add_argument("--tables", default="")
    parser.add_argument("--folds", type=int, default=0)
    parser.add_argument("--beside", default="")
    options = parser.parse_args()

    def names(text):
        return [name for name in text.split(",") if name]

    readme = read_readme(options.data)
    tables = read_tables(options.data, names(options.tables))
    contenders = [Ours(options.mlspec, n) for n in names(options.learner)] \
        + [Peer(n) for n in names(options.peer)] \
        + [Stated(n, readme) for n in names(options.beside)]
    results = {}
    print("| table | folds | metric | "
          + " | ".join(c.name for c in contenders) + " |")
    print("|---" * (3 + len(contenders)) + "|")
    with tempfile.TemporaryDirectory() as folder:
        for table in tables:
            stated = readme.get(table.name, {}).get("folds", "")
            folds = table.folds
            if options.folds:
                folds = folds[:options.folds]
            elif stated:
                folds = [int(f) for f in stated.split(",")]
            results[table.name] = {
                c.name: mean_score(c, table, folds, folder)
                for c in contenders}
            print(f"| {table.name} | {len(folds)} | {table.metric} | "
                  + " | ".join(show(results[table.name][c.name][0])
                               for c in contenders) + " |", flush=True)
    compare(tables, contenders, results)
    for c in contenders:
        seconds = [results[t.name][c.name][1] for t in tables
                   if results[t.name][c.name][1] is not None]
        if seconds:
            print(f"  {c.name}: {sum(seconds):.1f} s for one fold of each "
                  "of its tables")


if __name__ == "__main__":
    main()

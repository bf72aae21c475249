#!/usr/bin/env python3
"""Whole processes: CSV in, model file or CSV out, imports inside the clock.

    PYTHON tests/bench/process.py --mlspec build/mlspec [--rounds 5]
                                  [--only train,predict,...] [--folder DIR]

Where PYTHON has polars, pandas and scikit-learn.  Contenders run in turn, each
a fresh process; medians with the smallest and largest, largest resident set.

  train    a binary target from 28 numeric columns, 1,300,000 rows (209 MB):
           read, standardise, logistic regression, write the model
  predict  1,000,000 rows through that model: probabilities to CSV
  prepare  the mixed table of 500,000 rows (73 MB): medians for missing
           numbers, standardise, one-hot, CSV to CSV.  narrow: the columns of
           few levels, 84 columns out; wide: all of them, 2,285 columns
  text     50,000 made-up documents: words and pairs of words as TF-IDF,
           logistic regression, write the model.  Same settings: terms of two
           documents or more, plain counts, squared penalty 1

Every script does what its user would write; mlspec also finds kinds and roles,
looks for missing cells and fingerprints the table.  Files lie in --folder
(/dev/shm when it is there), so that no disk is measured.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GENERATE = os.path.join(ROOT, "data", "generate.sh")

READ = {
    "polars": """
import polars as pl
t = pl.read_csv(sys.argv[1])
X = t.drop("target").to_numpy(); y = t["target"].to_numpy()
""",
    "pandas": """
import pandas as pd
t = pd.read_csv(sys.argv[1])
y = t.pop("target").to_numpy(); X = t.to_numpy()
""",
}

TRAIN = """
import sys, pickle
{read}
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
m = make_pipeline(StandardScaler(), LogisticRegression(solver="{solver}"))
m.fit(X, y)
pickle.dump(m, open(sys.argv[2], "wb"))
"""

PREDICT = {
    "polars": """
import sys, pickle
import polars as pl
m = pickle.load(open(sys.argv[2], "rb"))
p = m.predict_proba(pl.read_csv(sys.argv[1]).drop("target").to_numpy())
pl.DataFrame({"prediction": (p[:, 1] >= 0.5).astype("int8"),
              "probability_0": p[:, 0],
              "probability_1": p[:, 1]}).write_csv(sys.argv[3])
""",
    "pandas": """
import sys, pickle
import pandas as pd
m = pickle.load(open(sys.argv[2], "rb"))
t = pd.read_csv(sys.argv[1])
p = m.predict_proba(t.drop(columns="target").to_numpy())
pd.DataFrame({"prediction": (p[:, 1] >= 0.5).astype("int8"),
              "probability_0": p[:, 0],
              "probability_1": p[:, 1]}).to_csv(sys.argv[3], index=False)
""",
}

PREPARE_POLARS = """
import sys
import polars as pl
import polars.selectors as cs
t = pl.read_csv(sys.argv[1])
drop = [c for c in sys.argv[3].split(",") if c]
t = t.drop(drop)
n = cs.matches("^x[0-9]+$")
t = t.with_columns(n.fill_null(n.median()))
t = t.with_columns((n - n.mean()) / n.std(ddof=0))
t = t.to_dummies([c for c in t.columns if t[c].dtype == pl.String
                  and c not in ("signup_date", "target")])
t.write_csv(sys.argv[2])
"""

PREPARE_SKLEARN = """
import sys
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
drop = [c for c in sys.argv[3].split(",") if c]
t = pd.read_csv(sys.argv[1]).drop(columns=drop)
numbers = [c for c in t if c[0] == "x"]
strings = [c for c in t if c[0] != "x" and c not in ("signup_date", "target")]
steps = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
     numbers),
    (OneHotEncoder(sparse_output=False, dtype="int8"), strings),
    remainder="passthrough", verbose_feature_names_out=False)
steps.set_output(transform="pandas")
steps.fit_transform(t).to_csv(sys.argv[2], index=False)
"""

TEXT = """
import sys, pickle
import {reader} as table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
t = table.read_csv(sys.argv[1])
m = make_pipeline(TfidfVectorizer(ngram_range=(1, 2){more}),
                  LogisticRegression({params}))
m.fit(t["text"].to_list(), t["target"].to_numpy())
pickle.dump(m, open(sys.argv[2], "wb"))
"""

SCORE = """
import sys, pickle, json
import polars as pl
from sklearn.metrics import log_loss, roc_auc_score
t = pl.read_csv(sys.argv[1])
y = t["target"].to_numpy()
if sys.argv[2].endswith(".csv"):
    p = pl.read_csv(sys.argv[2])["probability_1"].to_numpy()
else:
    m = pickle.load(open(sys.argv[2], "rb"))
    p = m.predict_proba(t["text"].to_list() if "text" in t.columns
                        else t.drop("target").to_numpy())[:, 1]
print(f"AUC {roc_auc_score(y, p):.5f}, log loss {log_loss(y, p):.5f}")
"""


def environment(threads):
    env = dict(os.environ)
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        env.pop(name, None)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
                 "POLARS_MAX_THREADS"):
        env[name] = str(threads)
    return env


def timed(command, threads):
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE,
                               env=environment(threads))
    message = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} failed:\n{message.decode()}")
    return seconds, usage.ru_maxrss / 1024


def compete(title, contenders, rounds, outputs=()):
    """contenders: name -> (command, threads, rounds at most)."""
    runs = {name: [] for name in contenders}
    for turn in range(rounds):
        for name, (command, threads, most) in contenders.items():
            if turn < most:
                runs[name].append(timed(command, threads))
                for path in outputs:
                    if os.path.exists(path):
                        size = os.path.getsize(path)
                        os.remove(path)
                        title_size = f", {size / 1e6:.0f} MB out"
                        if title_size not in title:
                            title += title_size
    print(title)
    for name, got in runs.items():
        seconds = [s for s, _ in got]
        print(f"  {name:34} {statistics.median(seconds):8.3f} s "
              f"({min(seconds):.3f}-{max(seconds):.3f}) "
              f"{max(m for _, m in got):8.1f} MB")
    sys.stdout.flush()


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.mlspec = os.path.abspath(args.mlspec)
        self.python = args.python

    def path(self, name):
        return os.path.join(self.folder, name)

    def script(self, name, text):
        path = self.path(name + ".py")
        with open(path, "w") as file:
            file.write(text)
        return path

    def table(self, name, *arguments):
        path = self.path(name)
        if not os.path.exists(path):
            with open(path + ".new", "w") as out:
                subprocess.run(["sh", GENERATE, *map(str, arguments)],
                               stdout=out, check=True)
            os.rename(path + ".new", path)
        return path

    def ours(self, threads, command, *arguments):
        return ([self.mlspec, command, "-q", "--threads", str(threads),
                 *arguments], threads, 1000)

    def score(self, name, table, what):
        got = subprocess.run(
            [self.python, self.script("score", SCORE), table, what],
            env=environment(2), capture_output=True, text=True, check=True)
        print(f"  {name:34} {got.stdout.strip()}")

    def train(self):
        data, test = self.path("binary.csv"), self.path("test.csv")
        if not os.path.exists(test):
            rows = self.args.train_rows
            whole = self.table("whole.csv", "binary", rows + 200000, 28, 1)
            with open(whole) as table, open(data, "w") as head, \
                    open(test, "w") as tail:
                names = table.readline()
                head.write(names)
                tail.write(names)
                for row, line in enumerate(table):
                    (head if row < rows else tail).write(line)
            os.remove(whole)
        contenders = {
            f"mlspec train, {n} threads": self.ours(
                n, "train", data, "-t", "target", "-o", self.path("m.mlspec"))
            for n in self.args.threads}
        for reader, solver in (("polars", "lbfgs"),
                               ("polars", "newton-cholesky"),
                               ("pandas", "newton-cholesky")):
            script = self.script(f"train-{reader}-{solver}", TRAIN.format(
                read=READ[reader], solver=solver))
            for n in self.args.threads:
                contenders[f"{reader}, {solver}, {n} threads"] = (
                    [self.python, script, data, self.path("m.pickle")], n,
                    1000)
        compete(f"train, {os.path.getsize(data) / 1e6:.0f} MB", contenders,
                self.args.rounds)
        subprocess.run([self.mlspec, "predict", "-q", "--proba", "-m",
                        self.path("m.mlspec"), test, "-o",
                        self.path("p.csv")], check=True)
        self.score("mlspec", test, self.path("p.csv"))
        self.score("scikit-learn", test, self.path("m.pickle"))

    def predict(self):
        data = self.table("predict.csv", "binary", 1000000, 28, 3)
        small = self.table("small.csv", "binary", 50000, 28, 1)
        model, pickled = self.path("p.mlspec"), self.path("p.pickle")
        out = self.path("out.csv")
        subprocess.run([self.mlspec, "train", "-q", small, "-t", "target",
                        "-o", model], check=True)
        subprocess.run([self.python, self.script("train", TRAIN.format(
            read=READ["polars"], solver="lbfgs")), small, pickled],
            check=True, env=environment(2))
        contenders = {
            f"mlspec predict, {n} threads": self.ours(
                n, "predict", data, "--proba", "-m", model, "-o", out)
            for n in self.args.threads}
        for reader in PREDICT:
            script = self.script(f"predict-{reader}", PREDICT[reader])
            for n in self.args.threads:
                contenders[f"{reader}, {n} threads"] = (
                    [self.python, script, data, pickled, out], n, 1000)
        compete(f"predict, {os.path.getsize(data) / 1e6:.0f} MB in",
                contenders, self.args.rounds, [out])

    def prepare(self):
        data = self.table("mixed.csv", "mixed", 500000, 1)
        out = self.path("out.csv")
        for width, drop in (("narrow", "city,product,customer"), ("wide", "")):
            if width not in self.args.width:
                continue
            recipe = ["--impute", "median", "--scale", "standard", "--encode",
                      "onehot"]
            if drop:
                recipe = ["--drop", drop] + recipe
            contenders = {
                f"mlspec preprocess, {n} threads": self.ours(
                    n, "preprocess", data, *recipe, "-o", out)
                for n in self.args.threads}
            for n in self.args.threads:
                contenders[f"polars, {n} threads"] = (
                    [self.python, self.script("prepare-polars",
                                              PREPARE_POLARS),
                     data, out, drop], n, 1000)
            if not drop and not self.args.slow:
                print("left out: scikit-learn (--slow)")
            else:
                contenders["pandas, scikit-learn"] = (
                    [self.python, self.script("prepare-sklearn",
                                              PREPARE_SKLEARN),
                     data, out, drop], 2, self.args.slow_rounds)
            compete(f"prepare, {width}", contenders, self.args.rounds, [out])

    def text(self):
        data, test = self.path("text.csv"), self.path("text-test.csv")
        if not os.path.exists(test):
            documents(data, 50000, 1)
            documents(test, 10000, 2)
        contenders = {}
        for n in self.args.threads:
            contenders[f"mlspec, same settings, {n} threads"] = self.ours(
                n, "train", data, "-t", "target", "--learner", "logistic",
                "--set", "tfidf.nb=false", "--set", "tfidf.sublinear=false",
                "--set", "tfidf.max_features=900000", "-o",
                self.path("same.mlspec"))
            contenders[f"mlspec, no option, {n} threads"] = self.ours(
                n, "train", data, "-t", "target", "-o",
                self.path("default.mlspec"))
        scripts = {"lbfgs": ('solver="lbfgs"', ", min_df=2"),
                   "liblinear": ('solver="liblinear"', ", min_df=2"),
                   "every term": ("", "")}
        for name, (params, more) in scripts.items():
            script = self.script("text-" + name.replace(" ", "-"), TEXT.format(
                reader="polars", more=more, params=params))
            contenders["scikit-learn, " + name] = (
                [self.python, script, data, self.path(name + ".pickle")], 2,
                self.args.slow_rounds)
        compete(f"text, {os.path.getsize(data) / 1e6:.0f} MB", contenders,
                self.args.rounds)
        for name in ("same", "default"):
            subprocess.run([self.mlspec, "predict", "-q", "--proba", "-m",
                            self.path(name + ".mlspec"), test, "-o",
                            self.path(name + "-p.csv")], check=True)
            self.score("mlspec, " + name, test, self.path(name + "-p.csv"))
        for name in scripts:
            self.score("scikit-learn, " + name, test,
                       self.path(name + ".pickle"))


def documents(path, count, seed):
    """Texts of 40 to 400 words.  Words follow Zipf's law; each of 40 topics
    prefers 300 of them, pairs of words stand together more often than chance
    would have it, and the target goes by the topics and a few pairs."""
    rng = random.Random(seed)
    world = random.Random(0)
    size = 60000
    vocabulary = [name_of(i) for i in range(size)]
    weights = [1 / (i + 2.7) for i in range(size)]
    total, cumulative = 0, []
    for w in weights:
        total += w
        cumulative.append(total)
    topics = [[world.randrange(100, size // 4) for _ in range(300)]
              for _ in range(40)]
    leaning = [world.gauss(0, 1) for _ in range(40)]
    follows = {i: world.randrange(50, 5000) for i in range(0, size, 3)}
    telling = {i: world.choice((-0.5, 0.5)) for i in range(60, 6000, 9)}
    with open(path, "w") as out:
        out.write("target,text\n")
        for _ in range(count):
            mix = [rng.randrange(40) for _ in range(3)]
            length = int(min(400, max(40, rng.lognormvariate(5, 0.6))))
            words = rng.choices(range(size), cum_weights=cumulative, k=length)
            lean = sum(leaning[t] for t in mix)
            for i in range(length):
                if rng.random() < 0.25:
                    words[i] = rng.choice(topics[mix[i % 3]])
                if i and words[i - 1] in follows and rng.random() < 0.4:
                    words[i] = follows[words[i - 1]]
                    lean += telling.get(words[i - 1], 0)
            target = int(rng.random() < 1 / (1 + 2.718281828 ** -lean))
            text = " ".join(vocabulary[w] for w in words)
            out.write(f'{target},"{text}."\n')


def name_of(number):
    """A word that no other number has: syllables as digits."""
    syllables = [c + v for c in "bdfgklmnprst" for v in "aeiou"]
    word = ""
    number += 60
    while number:
        word = syllables[number % 60] + word
        number //= 60
    return word


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlspec", required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=1,
                        help="of what takes a minute")
    parser.add_argument("--slow", action="store_true",
                        help="also scikit-learn's wide table")
    parser.add_argument("--threads", default="2,1")
    parser.add_argument("--only", default="train,predict,prepare,text")
    parser.add_argument("--width", default="narrow,wide")
    parser.add_argument("--train-rows", type=int, default=1300000)
    parser.add_argument("--folder", help="where files are kept")
    args = parser.parse_args()
    args.threads = [int(n) for n in args.threads.split(",")]
    folder = args.folder or tempfile.mkdtemp(
        dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
    bench = Bench(args, folder)
    try:
        for name in args.only.split(","):
            getattr(bench, name)()
    finally:
        if not args.folder:
            shutil.rmtree(folder)
    print("(memory: the largest resident set of any run)")


if __name__ == "__main__":
    main()

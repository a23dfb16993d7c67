"""How long the analysis of a cell takes, beside what Python needs to parse it."""

from __future__ import annotations

import ast
import gc
import inspect
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from reactive_kernel.analysis import analyze

from .row import Row, line

MUST, AIM = 4.0, 2.5
LIBRARY = ("argparse", "collections/__init__", "csv", "dataclasses", "inspect", "json/decoder", "statistics")
ROUNDS = 15

# Cells as people write them; `@` becomes a number, so that no two are the same.
TEMPLATES = (
    """
    import numpy as np
    import pandas as pd
    import matplotlib.pyplot as plt
    from sklearn.model_selection import train_test_split
    """,
    """
    df@ = pd.read_csv("data/sales_@.csv", parse_dates=["date"])
    df@.head()
    """,
    """
    df@["year"] = df@["date"].dt.year
    df@["month"] = df@["date"].dt.month
    df@ = df@.dropna(subset=["price", "amount"])
    df@["total"] = df@["price"] * df@["amount"]
    """,
    """
    summary_@ = (
        df@.groupby(["year", "month"])
        .agg({"total": "sum", "amount": "mean"})
        .reset_index()
        .sort_values("total", ascending=False)
    )
    summary_@
    """,
    """
    fig, ax = plt.subplots(figsize=(10, 6))
    ax.plot(summary_@["month"], summary_@["total"], label="total @")
    ax.set_title("Sales by month")
    ax.legend()
    plt.show()
    """,
    '''
    def normalize_@(frame, columns, eps=1e-9):
        """Bring columns to mean 0 and deviation 1."""
        result = frame.copy()
        for column in columns:
            mean, std = result[column].mean(), result[column].std()
            result[column] = (result[column] - mean) / (std + eps)
        return result
    ''',
    """
    X_@ = df@.drop(columns=["target"])
    y_@ = df@["target"]
    X_train, X_test, y_train, y_test = train_test_split(X_@, y_@, test_size=0.2, random_state=@)
    """,
    """
    model_@ = RandomForestClassifier(n_estimators=100, max_depth=@, random_state=0)
    model_@.fit(X_train, y_train)
    print(f"accuracy: {model_@.score(X_test, y_test):.3f}")
    """,
    """
    results_@ = []
    for depth in range(1, @):
        candidate = DecisionTreeClassifier(max_depth=depth)
        candidate.fit(X_train, y_train)
        score = accuracy_score(y_test, candidate.predict(X_test))
        results_@.append((depth, score))
        if score > best_score:
            best_score, best = score, candidate
    """,
    """
    class Net@(nn.Module):
        def __init__(self, inputs, hidden, outputs):
            super().__init__()
            self.first = nn.Linear(inputs, hidden)
            self.second = nn.Linear(hidden, outputs)

        def forward(self, x):
            x = F.relu(self.first(x))
            return self.second(x)
    """,
    """
    with open("config_@.json") as file:
        config = json.load(file)
    paths = [Path(root) / name for root, name in config["files"].items() if name.endswith(".csv")]
    """,
    """
    counts = {word: text_@.count(word) for word in set(text_@.split()) if len(word) > 3}
    top = sorted(counts.items(), key=lambda item: item[1], reverse=True)[:@]
    """,
    """
    try:
        response = requests.get(f"https://example.org/api/{page}", timeout=@)
        response.raise_for_status()
    except requests.HTTPError as error:
        print("failed:", error)
        records = None
    else:
        records = response.json()["records"]
    """,
    """
    x@ = np.linspace(0, 2 * np.pi, 200)
    y@ = np.sin(x@) + 0.1 * np.random.randn(200)
    a@, b@ = np.polyfit(x@, y@, 1)
    """,
    """
    alpha_@ = 0.05
    """,
    """
    model_@.summary()
    """,
)


def notebook_cells(copies: int = 12) -> list[str]:
    texts = [inspect.cleandoc(text) for text in TEMPLATES]
    return [text.replace("@", str(number)) for number in range(2, copies + 2) for text in texts]


def library_cells(longest: int = 60) -> list[str]:
    """Statements of the standard library that are as long as a cell."""
    cells: list[str] = []
    for name in LIBRARY:
        text = Path(sysconfig.get_path("stdlib"), f"{name}.py").read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        for node in ast.parse(text).body:
            last = node.end_lineno or node.lineno
            if last - node.lineno < longest:
                cells.append("".join(lines[node.lineno - 1 : last]))
    return cells


def seconds(act: Callable[[str], object], cells: Sequence[str]) -> float:
    start = time.perf_counter()
    for cell in cells:
        act(cell)
    return time.perf_counter() - start


def ratio(cells: Sequence[str]) -> tuple[float, float]:
    """The median ratio of analysis to parsing, taken in turn, and the microseconds per cell."""
    seconds(analyze, cells)
    ratios: list[float] = []
    times: list[float] = []
    gc.collect()
    for _ in range(ROUNDS):
        parsing = seconds(ast.parse, cells)
        analysis = seconds(analyze, cells)
        ratios.append(analysis / parsing)
        times.append(analysis / len(cells) * 1e6)
    return median(ratios), median(times)


def rows() -> list[Row]:
    python = ".".join(map(str, sys.version_info[:2]))
    found: list[Row] = []
    for kind, cells in {"notebook cells": notebook_cells(), "library statements": library_cells()}.items():
        measured, each = ratio(cells)
        found.append(
            Row(
                what=f"analysis / ast.parse, {kind}",
                must=MUST,
                aim=AIM,
                measured=round(measured, 2),
                detail=f"{len(cells)} distinct cells, {each:.0f} µs each, Python {python}",
            )
        )
    return found


if __name__ == "__main__":
    for row in rows():
        print(line(row))

"""Notebooks as data scientists write them, on made-up data: what observation is measured with.

Cells are parted by lines of `# %%`.
"""

from __future__ import annotations

from importlib.util import find_spec

SALES = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
# %%
rng = np.random.default_rng(42)
n = 120_000
orders = pd.DataFrame({
    "order_id": np.arange(n),
    "customer_id": rng.integers(0, 8_000, n),
    "date": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 730, n), unit="D"),
    "product": rng.choice(["chair", "table", "lamp", "sofa", "shelf"], n),
    "price": rng.gamma(3.0, 40.0, n).round(2),
    "amount": rng.integers(1, 6, n),
})
orders.head()
# %%
customers = pd.DataFrame({
    "customer_id": np.arange(8_000),
    "country": rng.choice(["DE", "FR", "IT", "PL", None], 8_000),
    "segment": rng.choice(["private", "business"], 8_000, p=[0.8, 0.2]),
    "since": rng.integers(2005, 2023, 8_000),
})
customers.describe(include="all")
# %%
orders.loc[rng.choice(n, 500, replace=False), "price"] = np.nan
orders.isna().sum()
# %%
orders.info()
# %%
orders = orders.dropna(subset=["price"])
orders["total"] = orders["price"] * orders["amount"]
orders["month"] = orders["date"].dt.to_period("M").dt.to_timestamp()
# %%
customers["country"] = customers["country"].fillna("unknown")
customers["country"].value_counts()
# %%
df = orders.merge(customers, on="customer_id", how="left")
df.shape
# %%
df.sample(5, random_state=1)
# %%
monthly = df.groupby("month")["total"].sum()
monthly.tail()
# %%
fig, ax = plt.subplots(figsize=(10, 4))
ax.plot(monthly.index, monthly.values, marker="o")
ax.set_title("Turnover by month")
ax.set_ylabel("EUR")
plt.show()
# %%
by_segment = df.pivot_table(index="country", columns="segment", values="total", aggfunc="sum")
by_segment
# %%
by_segment.plot.bar(stacked=True, figsize=(8, 4));
# %%
def top(frame, column, k=5):
    return frame.groupby(column)["total"].sum().nlargest(k)

top(df, "product")
# %%
top(df, "customer_id", k=10)
# %%
df["rank"] = df.groupby("country")["total"].rank(ascending=False)
df[df["rank"] <= 3].sort_values(["country", "rank"])[["country", "product", "total"]]
# %%
low, high = df["total"].quantile([0.01, 0.99])
inliers = df[df["total"].between(low, high)]
len(inliers), len(df)
# %%
plt.hist(inliers["total"], bins=60)
plt.xlabel("total");
# %%
summary = {}
for country, group in inliers.groupby("country"):
    summary[country] = {"orders": len(group), "mean": group["total"].mean(), "max": group["total"].max()}
pd.DataFrame(summary).T
# %%
inliers = inliers.assign(weekday=inliers["date"].dt.day_name())
inliers.groupby("weekday")["total"].agg(["mean", "median", "count"])
# %%
corr = inliers[["price", "amount", "total", "since"]].corr()
plt.imshow(corr, cmap="coolwarm")
plt.colorbar();
"""

SIMULATION = """
import numpy as np
import matplotlib.pyplot as plt
# %%
np.random.seed(0)
STEPS, WALKERS = 1_000, 2_000
dt = 1 / STEPS
# %%
noise = np.random.normal(0, np.sqrt(dt), size=(WALKERS, STEPS))
paths = np.cumsum(noise, axis=1)
paths.shape, paths.nbytes / 1e6
# %%
plt.plot(paths[:30].T, lw=0.5, alpha=0.7)
plt.title("Brownian motion")
plt.show()
# %%
final = paths[:, -1]
final.mean(), final.std()
# %%
counts, edges = np.histogram(final, bins=40, density=True)
centres = (edges[:-1] + edges[1:]) / 2
plt.bar(centres, counts, width=edges[1] - edges[0])
plt.plot(centres, np.exp(-centres**2 / 2) / np.sqrt(2 * np.pi), "r");
# %%
mu, sigma, s0 = 0.05, 0.2, 100.0
drift = (mu - 0.5 * sigma**2) * dt
prices = s0 * np.exp(np.cumsum(drift + sigma * noise, axis=1))
prices[:3, -3:]
# %%
strike = 105.0
payoff = np.maximum(prices[:, -1] - strike, 0)
value = np.exp(-mu) * payoff.mean()
error = payoff.std() / np.sqrt(WALKERS)
print(f"{value:.3f} +- {error:.3f}")
# %%
running_max = np.maximum.accumulate(prices, axis=1)
drawdown = 1 - prices / running_max
drawdown.max(axis=1).mean()
# %%
hit = (prices > 120).any(axis=1)
hit.mean()
# %%
grid = np.zeros((200, 200))
grid[90:110, 90:110] = 100.0
# %%
def step(u, alpha=0.2):
    new = u.copy()
    new[1:-1, 1:-1] += alpha * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4 * u[1:-1, 1:-1])
    return new
# %%
for _ in range(300):
    grid = step(grid)
grid.sum()
# %%
plt.imshow(grid, cmap="inferno")
plt.colorbar();
# %%
a = np.random.rand(400, 400)
a = a @ a.T + 400 * np.eye(400)
b = np.random.rand(400)
# %%
x = np.linalg.solve(a, b)
np.abs(a @ x - b).max()
# %%
values = np.linalg.eigvalsh(a)
values[[0, -1]]
# %%
inside = 0
for _ in range(20):
    points = np.random.rand(50_000, 2)
    inside += ((points**2).sum(axis=1) < 1).sum()
4 * inside / 1_000_000
# %%
paths -= paths.mean(axis=0)
paths.std(axis=0)[-5:]
# %%
results = [np.random.rand(1000).mean() for _ in range(500)]
np.mean(results), np.std(results)
"""

TEXT = """
import random
import re
import string
from collections import Counter, defaultdict
# %%
random.seed(7)
syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
vocabulary = ["".join(random.choices(syllables, k=random.randint(1, 4))) for _ in range(5_000)]
vocabulary[:10]
# %%
weights = [1 / (i + 1) for i in range(len(vocabulary))]
documents = [" ".join(random.choices(vocabulary, weights, k=80)) + "." for _ in range(2_000)]
documents[0]
# %%
len(documents), sum(map(len, documents))
# %%
def tokenize(text):
    return re.findall(r"[a-z]+", text.lower())

tokens = [tokenize(text) for text in documents]
tokens[0][:8]
# %%
counts = Counter()
for words in tokens:
    counts.update(words)
counts.most_common(10)
# %%
stop = {word for word, _ in counts.most_common(25)}
sorted(stop)[:5]
# %%
tokens = [[word for word in words if word not in stop] for words in tokens]
sum(map(len, tokens))
# %%
index = defaultdict(set)
for number, words in enumerate(tokens):
    for word in words:
        index[word].add(number)
len(index)
# %%
def search(*words):
    found = set.intersection(*(index.get(word, set()) for word in words))
    return sorted(found)

search(tokens[0][0])[:10]
# %%
df = {word: len(where) for word, where in index.items()}
max(df.values())
# %%
import math
idf = {word: math.log(len(documents) / count) for word, count in df.items()}
sorted(idf.items(), key=lambda item: item[1])[:5]
# %%
vectors = []
for words in tokens:
    vector = {word: count * idf[word] for word, count in Counter(words).items()}
    norm = math.sqrt(sum(v * v for v in vector.values())) or 1.0
    vectors.append({word: v / norm for word, v in vector.items()})
len(vectors)
# %%
def similarity(a, b):
    return sum(v * b.get(word, 0.0) for word, v in a.items())

similarity(vectors[0], vectors[1])
# %%
ranked = sorted(range(1, 500), key=lambda i: similarity(vectors[0], vectors[i]), reverse=True)
ranked[:5]
# %%
bigrams = Counter()
for words in tokens:
    bigrams.update(zip(words, words[1:]))
bigrams.most_common(5)
# %%
lengths = [len(words) for words in tokens]
print(min(lengths), max(lengths), sum(lengths) / len(lengths))
# %%
records = [{"id": i, "words": words, "length": len(words)} for i, words in enumerate(tokens)]
records[0]["id"]
# %%
for record in records:
    record["first"] = record["words"][0] if record["words"] else None
records[1]["first"]
# %%
groups = defaultdict(list)
for record in records:
    groups[record["length"]].append(record["id"])
{length: len(ids) for length, ids in sorted(groups.items())[:5]}
"""

SERIES = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (10, 4)
# %%
hours = pd.date_range("2022-01-01", periods=2 * 365 * 24, freq="h")
rng = np.random.default_rng(3)
load = 50 + 10 * np.sin(2 * np.pi * hours.hour / 24) + 15 * np.cos(2 * np.pi * hours.dayofyear / 365)
ts = pd.Series(load + rng.normal(0, 3, len(hours)), index=hours, name="load")
ts.head()
# %%
ts.plot(lw=0.3);
# %%
ts.describe()
# %%
daily = ts.resample("D").mean()
weekly = ts.resample("W").mean()
len(daily), len(weekly)
# %%
fig, ax = plt.subplots()
daily.plot(ax=ax, alpha=0.4)
daily.rolling(30, center=True).mean().plot(ax=ax)
ax.legend(["daily", "30 days"]);
# %%
frame = ts.to_frame()
frame["hour"] = frame.index.hour
frame["weekday"] = frame.index.dayofweek
frame["month"] = frame.index.month
# %%
profile = frame.groupby(["month", "hour"])["load"].mean().unstack()
plt.imshow(profile, aspect="auto");
# %%
for lag in (1, 24, 168):
    frame[f"lag_{lag}"] = frame["load"].shift(lag)
frame = frame.dropna()
frame.shape
# %%
split = "2023-07-01"
train, test = frame.loc[:split], frame.loc[split:]
len(train), len(test)
# %%
features = ["hour", "month", "weekday", "lag_1", "lag_24", "lag_168"]
X, y = train[features].to_numpy(float), train["load"].to_numpy()
X.shape
# %%
A = np.column_stack([X, np.ones(len(X))])
coefficients, *_ = np.linalg.lstsq(A, y, rcond=None)
dict(zip([*features, "bias"], coefficients.round(3)))
# %%
X_test = np.column_stack([test[features].to_numpy(float), np.ones(len(test))])
predicted = pd.Series(X_test @ coefficients, index=test.index)
mae = (predicted - test["load"]).abs().mean()
print(f"MAE {mae:.2f}")
# %%
naive = (test["lag_24"] - test["load"]).abs().mean()
naive
# %%
test["load"].iloc[:200].plot(label="measured")
predicted.iloc[:200].plot(label="predicted")
plt.legend();
# %%
residuals = test["load"] - predicted
residuals.hist(bins=50);
# %%
worst = residuals.abs().nlargest(10)
worst
# %%
z = (ts - ts.rolling(168).mean()) / ts.rolling(168).std()
outliers = ts[z.abs() > 3]
len(outliers)
# %%
cleaned = ts.copy()
cleaned[outliers.index] = np.nan
cleaned = cleaned.interpolate()
cleaned.isna().sum()
# %%
pd.concat({"raw": ts.resample("ME").mean(), "cleaned": cleaned.resample("ME").mean()}, axis=1).head()
"""

MODEL = """
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_curve
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
# %%
rng = np.random.default_rng(0)
n = 5_000
X = pd.DataFrame(rng.normal(size=(n, 8)), columns=[f"x{i}" for i in range(8)])
logit = 1.5 * X["x0"] - X["x1"] + 0.5 * X["x2"] * X["x3"]
y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(int)
# %%
X.describe()
# %%
pd.Series(y).value_counts(normalize=True)
# %%
X["x0_x1"] = X["x0"] * X["x1"]
X["noise"] = rng.normal(size=n)
# %%
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=0)
X_train.shape, X_test.shape
# %%
baseline = make_pipeline(StandardScaler(), LogisticRegression())
baseline.fit(X_train, y_train)
# %%
accuracy_score(y_test, baseline.predict(X_test))
# %%
forest = RandomForestClassifier(n_estimators=60, max_depth=8, random_state=0)
forest.fit(X_train, y_train)
# %%
print(f"accuracy: {forest.score(X_test, y_test):.3f}")
# %%
importances = pd.Series(forest.feature_importances_, index=X.columns).sort_values()
importances.plot.barh();
# %%
scores = {}
for depth in (2, 4, 8):
    candidate = RandomForestClassifier(n_estimators=20, max_depth=depth, random_state=0)
    candidate.fit(X_train, y_train)
    scores[depth] = candidate.score(X_test, y_test)
scores
# %%
best = max(scores, key=scores.get)
best
# %%
probabilities = forest.predict_proba(X_test)[:, 1]
fpr, tpr, _ = roc_curve(y_test, probabilities)
plt.plot(fpr, tpr)
plt.plot([0, 1], [0, 1], "--");
# %%
results = pd.DataFrame({"truth": y_test, "p": probabilities})
results["bin"] = pd.cut(results["p"], np.linspace(0, 1, 11))
results.groupby("bin", observed=True)["truth"].mean()
# %%
errors = results[(results["p"] > 0.5) != results["truth"].astype(bool)]
len(errors)
"""

OBJECTS = """
import json
import random
from dataclasses import dataclass, field
# %%
@dataclass
class Sensor:
    name: str
    unit: str
    readings: list = field(default_factory=list)

    def mean(self):
        return sum(self.readings) / len(self.readings)
# %%
random.seed(1)
sensors = {f"s{i}": Sensor(f"s{i}", random.choice(["C", "bar", "V"])) for i in range(200)}
len(sensors)
# %%
def measure(sensor, n):
    for _ in range(n):
        sensor.readings.append(random.gauss(20, 5))

for sensor in sensors.values():
    measure(sensor, 300)
# %%
sensors["s0"].mean()
# %%
means = {name: sensor.mean() for name, sensor in sensors.items()}
sorted(means.items(), key=lambda item: item[1])[:5]
# %%
units = {}
for sensor in sensors.values():
    units.setdefault(sensor.unit, []).append(sensor)
{unit: len(held) for unit, held in units.items()}
# %%
class Model:
    def __init__(self, rate=0.05):
        self.rate, self.weight, self.history = rate, 0.0, []

    def fit(self, xs, ys, rounds=30):
        for _ in range(rounds):
            gradient = sum((self.weight * x - y) * x for x, y in zip(xs, ys)) / len(xs)
            self.weight -= self.rate * gradient
            self.history.append(self.weight)
        return self
# %%
xs = [random.random() for _ in range(2_000)]
ys = [3 * x + random.gauss(0, 0.1) for x in xs]
# %%
model = Model().fit(xs, ys)
round(model.weight, 3)
# %%
model.fit(xs, ys, rounds=60)
round(model.weight, 3), len(model.history)
# %%
people = json.loads(json.dumps([
    {"id": i, "name": f"n{i}", "tags": random.sample("abcdef", 2), "address": {"city": random.choice("XYZ")}}
    for i in range(5_000)
]))
people[0]
# %%
cities = {}
for person in people:
    cities.setdefault(person["address"]["city"], []).append(person["id"])
{city: len(ids) for city, ids in cities.items()}
# %%
for person in people:
    person["score"] = len(person["name"]) + random.random()
# %%
best = sorted(people, key=lambda person: -person["score"])[:10]
[person["name"] for person in best]
# %%
by_tag = {tag: [p for p in people if tag in p["tags"]] for tag in "abcdef"}
{tag: len(held) for tag, held in by_tag.items()}
# %%
alpha = 0.5
# %%
blended = [alpha * person["score"] + (1 - alpha) * means["s0"] for person in people]
max(blended)
"""


def cells_of(text: str) -> list[str]:
    return [cell.strip() for cell in text.split("# %%\n")]


def notebooks() -> dict[str, list[str]]:
    """The notebooks whose libraries are installed, as lists of cells."""
    found = {"sales": SALES, "simulation": SIMULATION, "text": TEXT, "series": SERIES, "objects": OBJECTS}
    if find_spec("sklearn") is not None:
        found["model"] = MODEL
    return {name: cells_of(text) for name, text in found.items()}

#!/usr/bin/env python3
"""Writes the known-answer tables for the tests of src/stats, computed with SciPy.

    python3 scripts/make-stats-tables.py [tests/unit/data/stats]

The tables are checked in, so the tests do not need SciPy. Each line is one case: the name of the
function, its arguments and the answer, separated by blanks, in the shortest exact form.
"""

import math
import pathlib
import sys

import numpy
import scipy
from scipy import special, stats


def number(x):
    return repr(int(x)) if float(x).is_integer() and abs(x) < 1e15 else repr(float(x))


def write(folder, name, rows):
    lines = [f"# {name}: made by scripts/make-stats-tables.py with SciPy {scipy.__version__}"]
    for function, *numbers in rows:
        lines.append(" ".join([function] + [number(x) for x in numbers]))
    (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")


def t_critical(alpha, df):
    """SciPy's own inverse is good to about nine digits; one Newton step on its tail gives the rest."""
    t = stats.t.isf(alpha, df)
    return t + (stats.t.sf(t, df) - alpha) / stats.t.pdf(t, df)


def distributions():
    for z in (-8, -3, -1.96, -0.5, 0, 0.1, 1, 2.5758, 6):
        yield "normal_cdf", z, stats.norm.cdf(z)
    for p in (1e-12, 1e-6, 0.001, 0.02425, 0.1, 0.5, 0.75, 0.975, 0.999999):
        yield "normal_quantile", p, stats.norm.ppf(p)
    for df in (1, 3, 4.9, 6.3, 9, 30, 69.3, 119, 5000):
        for t in (-5, -1, 0, 0.3, 2, 3.5, 8):
            yield "t_cdf", t, df, stats.t.cdf(t, df)
            yield "t_upper", t, df, stats.t.sf(t, df)
        for alpha in (1e-7, 0.000345, 0.001, 0.01, 0.05, 0.3, 0.5, 0.9, 0.9999):
            yield "t_critical", alpha, df, t_critical(alpha, df)
    for a, b in ((0.5, 0.5), (1, 3), (2.5, 7), (40, 60), (3, 9998), (5000, 15000)):
        for x in (0.0001, 0.01, 0.25, 0.3, 0.5, 0.9):
            yield "beta_cdf", x, a, b, special.betainc(a, b, x)
        for p in (1e-6, 0.005, 0.5, 0.99):
            yield "beta_quantile", p, a, b, stats.beta.ppf(p, a, b)
    for n, share in ((1, 0.3), (20, 0.5), (1000, 0.01), (20000, 0.0004)):
        for k in (0, 1, 5, 12):
            yield "binomial_cdf", k, n, share, stats.binom.cdf(k, n, share)


def rates():
    for k, n in ((0, 1), (0, 100), (1, 100), (5, 1000), (12, 12), (500, 20000), (19999, 20000)):
        for alpha in (0.05, 0.01, 0.0005):
            lower = 0.0 if k == 0 else stats.beta.ppf(alpha, k, n - k + 1)
            upper = 1.0 if k == n else stats.beta.isf(alpha, k + 1, n - k)
            yield "rate_lower", k, n, alpha, lower
            yield "rate_upper", k, n, alpha, upper
    cases = (
        (0, 1000, 1, 1000),
        (0, 1000, 7, 1000),
        (3, 1000, 9, 1000),
        (9, 1000, 3, 1000),
        (0, 10, 10, 10),
        (10, 10, 10, 10),
        (40, 20000, 80, 20000),
        (2, 5000, 3, 200),
        (0, 20000, 20000, 20000),
    )
    for kb, nb, kc, nc in cases:
        p = stats.hypergeom.sf(kc - 1, nb + nc, kb + kc, nc)
        yield "rate_worse", kb, nb, kc, nc, p


def samples(rounds, side):
    """The same samples as example_rounds() in tests/unit/test_stats_effect.c."""
    state = 12345 + side
    out = []
    for r in range(rounds):
        values = []
        for _ in range(100 + 7 * (r % 3)):
            state = (state * 1103515245 + 12345) % 2**31
            u = (state + 0.5) / 2**31
            shape = 1 + 0.1 * math.sin(r) + 0.08 * side
            values.append(40 * shape * (1 + 2 * u * u * u) + 0.01 * r)
        out.append(numpy.array(values))
    return out


def window_level(x, p):
    """Mean of logs over fractional ranks, by integrating the step function of sorted values."""
    logs = numpy.sort(numpy.log(x))[::-1]
    half = min(0.5 * min(p, 1 - p), 0.05)
    start, end = (1 - p - half) * len(x), (1 - p + half) * len(x)
    edges = numpy.arange(len(x) + 1)
    overlap = numpy.clip(numpy.minimum(edges[1:], end) - numpy.maximum(edges[:-1], start), 0, None)
    return float((logs * overlap).sum() / (end - start))


def middle(x):
    """Geometric mean of the middle half, ranks n/4 .. 3n/4."""
    logs = numpy.sort(numpy.log(x))
    edges = numpy.arange(len(x) + 1)
    start, end = 0.25 * len(x), 0.75 * len(x)
    overlap = numpy.clip(numpy.minimum(edges[1:], end) - numpy.maximum(edges[:-1], start), 0, None)
    return math.exp((logs * overlap).sum() / (end - start))


def jackknife(without):
    without = numpy.array(without)
    n = len(without)
    return math.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum())


def pooled_effects(p, base, cand):
    def levels(side):
        return [
            window_level(numpy.concatenate(side[:i] + side[i + 1 :]), p) for i in range(len(side))
        ]

    b, c = numpy.array(levels(base)), numpy.array(levels(cand))
    all_b, all_c = (window_level(numpy.concatenate(s), p) for s in (base, cand))
    yield all_c - all_b, jackknife(c - b)
    yield math.exp(all_c) - math.exp(all_b), jackknife(numpy.exp(c) - numpy.exp(b))
    yield all_c, jackknife(c)


def round_effects(function, base, cand):
    b = numpy.array([function(x) for x in base])
    c = numpy.array([function(x) for x in cand])
    n = len(b)
    d = numpy.log(c) - numpy.log(b)
    yield d.mean(), d.std(ddof=1) / math.sqrt(n)
    yield (c - b).mean(), (c - b).std(ddof=1) / math.sqrt(n)
    without = [math.log(numpy.delete(c, i).mean()) for i in range(n)]
    yield math.log(c.mean()), jackknife(without)


def clustered_effects(base, cand):
    """Not in pairs: variances add up; the percentile's df is from Kish's effective numbers."""
    sizes = [numpy.array([len(x) for x in side]) for side in (base, cand)]
    df = 0.7 * sum(n.sum() ** 2 / (n**2).sum() - 1 for n in sizes)
    for p in (0.5, 0.99):
        levels = [window_level(numpy.concatenate(side), p) for side in (base, cand)]
        errors = []
        for side in (base, cand):
            rest = [numpy.concatenate(side[:i] + side[i + 1 :]) for i in range(len(side))]
            errors.append(jackknife([window_level(x, p) for x in rest]))
        yield p, levels[1] - levels[0], math.hypot(*errors), df
    logs = [numpy.log([numpy.mean(x) for x in side]) for side in (base, cand)]
    se = math.hypot(*(stats.sem(x) for x in logs))
    yield 0, logs[1].mean() - logs[0].mean(), se, len(base) + len(cand) - 2


def clusters():
    """rounds of the two sides, p (0: mean), estimate, standard error, df; on the ratio scale."""
    for b, c in ((25, 25), (31, 22)):
        for row in clustered_effects(samples(b, 0), samples(c, 1)):
            yield "clustered", b, c, *row


def session_samples(rounds, session):
    """The same samples as example_session() in tests/unit/test_stats_stored.c."""
    state = 777 + session
    out = []
    for r in range(rounds):
        values = []
        for _ in range(100 + 7 * (r % 3)):
            state = (state * 1103515245 + 12345) % 2**31
            u = (state + 0.5) / 2**31
            shape = (1 + 0.1 * math.sin(r + session)) * (1 + 0.05 * math.sin(3 * session))
            values.append(40 * shape * (1 + 2 * u * u * u))
        out.append(numpy.array(values))
    return out


def standing(side, p, log):
    """Level of a session, its variance by the jackknife, degrees of freedom of that."""
    without = [side[:i] + side[i + 1 :] for i in range(len(side))]
    if p:
        rest = [window_level(numpy.concatenate(x), p) for x in without]
        all_ = window_level(numpy.concatenate(side), p)
        if not log:
            rest, all_ = numpy.exp(rest), math.exp(all_)
        return all_, jackknife(rest) ** 2, 0.7 * (len(side) - 1)
    means = numpy.array([x.mean() for x in side])
    if log:
        means = numpy.log(means)
    return means.mean(), stats.sem(means) ** 2, len(side) - 1


def stored_effect(stored, candidate, p, log, sd):
    """Estimate, standard error, degrees of freedom; sd 0: the scatter of the stored levels."""
    old = [standing(x, p, log) for x in stored]
    new, new_variance, new_df = standing(candidate, p, log)
    levels = numpy.array([x[0] for x in old])
    n, level = len(old), levels.mean()
    share = 1 if log else (new / level) ** 2
    if sd:
        parts = [(v / n**2, df) for _, v, df in old] + [(new_variance, new_df)]
        parts.append(((sd if log else sd * level) ** 2 * (share + 1 / n), math.inf))
    else:
        parts = [(levels.var(ddof=1) * (share + 1 / n), n - 1)]
        parts.append((max(0, new_variance - share * numpy.mean([x[1] for x in old])), new_df))
    variance = sum(v for v, _ in parts)
    df = variance**2 / sum(v * v / d for v, d in parts)
    return new - level, math.sqrt(variance), min(df, 5000)


def stored():
    """sessions, rounds of the candidate, p (0: mean), sd (0: scatter), scale, estimate, se, df."""
    for sessions, rounds, sd in ((1, 12, 0.05), (3, 14, 0.02), (5, 12, 0), (8, 11, 0), (8, 60, 0.03)):
        old = [session_samples(12 + h % 3, h) for h in range(sessions)]
        new = session_samples(rounds, 40)
        for p in (0.5, 0.99, 0):
            for scale in (0, 1):
                yield "stored", sessions, rounds, p, sd, scale, *stored_effect(
                    old, new, p, scale == 0, sd
                )


def effects():
    """name, rounds, p, scale (0 ratio, 1 difference, 2 level), estimate, standard error."""
    for rounds in (12, 25):
        base, cand = samples(rounds, 0), samples(rounds, 1)
        for p in (0.5, 0.9, 0.95, 0.99):
            for scale, (estimate, se) in enumerate(pooled_effects(p, base, cand)):
                yield "quantile", rounds, p, scale, estimate, se
        for name, function in (("mean", numpy.mean), ("middle", middle)):
            for scale, (estimate, se) in enumerate(round_effects(function, base, cand)):
                yield name, rounds, 0, scale, estimate, se
        everything = numpy.concatenate(base)
        for p in (0, 0.25, 0.5, 0.9, 0.99, 1):
            yield "type7", rounds, p, 0, numpy.quantile(everything, p), 0


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/unit/data/stats")
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, "distributions", distributions())
    write(folder, "rates", rates())
    write(folder, "effects", effects())
    write(folder, "clusters", clusters())
    write(folder, "stored", stored())


if __name__ == "__main__":
    main()

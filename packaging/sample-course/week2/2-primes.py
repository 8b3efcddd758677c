# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: light
#       format_version: '1.5'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   nbhosting:
#     title: A sieve · Un crible
# ---

# # A sieve · Un crible
#
# Cross out the multiples of each number that is left: the primes remain.
#
# On barre les multiples de chaque nombre restant : il reste les nombres premiers.

# +
from collections import Counter
from itertools import pairwise


def primes(limit):
    """All primes below the limit."""
    left = [True] * limit
    for number in range(2, limit):
        if left[number]:
            yield number
            for multiple in range(number * number, limit, number):
                left[multiple] = False


list(primes(50))
# -

# How far apart are they? · À quelle distance sont-ils les uns des autres ?

# +
gaps = Counter(after - before for before, after in pairwise(primes(10_000)))
for gap, times in sorted(gaps.items())[:10]:
    print(f"{gap:3} {'■' * (times // 10)} {times}")

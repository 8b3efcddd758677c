# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   nbhosting:
#     title: A year of weather · Une année de météo
# ---

# %% [markdown]
# # A year of weather · Une année de météo
#
# Twelve lines of numbers say little; twelve bars say more.
#
# Douze lignes de chiffres disent peu ; douze barres en disent plus.

# %%
import csv
from statistics import mean

with open("data/weather.csv", encoding="utf-8", newline="") as file:
    months = list(csv.DictReader(file))
len(months)

# %%
for month in months:
    degrees = float(month["temperature"])
    print(f"{month['month']:>9} / {month['mois']:<9} {'█' * round(degrees)} {degrees:.1f} °C")

# %% [markdown]
# The mean of the year, and its wettest month. · La moyenne de l'année, et son mois le plus pluvieux.

# %%
print(f"{mean(float(month['temperature']) for month in months):.1f} °C")
max(months, key=lambda month: int(month["rain"]))["mois"]

"""One file for each outside world, which translates that world's errors at its door."""

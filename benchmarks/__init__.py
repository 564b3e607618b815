"""How fast Shiplog is: one script per row of `RESULTS.md`, each beside its peers in one run; `make bench` runs them all."""

"""What every package uses and no domain word stands in: ids, clock, encryption, table base, repository, schema."""

"""The database types, one module each: facts and small functions, no engine."""

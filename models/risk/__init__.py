"""Risk models, one algorithm a file, each with its model card beside it."""

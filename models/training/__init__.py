"""How each learned model is made, evaluated and exported; the only part that imports learning libraries."""

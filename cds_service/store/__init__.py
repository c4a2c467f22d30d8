"""What the service keeps: used tokens, cards given, feedback, decisions, and an audit chain, in one database.

`open_store` is called once at start; routes and pipeline use the four parts of `Store`.
"""

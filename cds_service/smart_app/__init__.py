"""The SMART app: launched from a chart, it shows one patient's data and what the models say of them."""

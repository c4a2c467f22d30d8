"""What the time series say: glycaemic metrics, episodes, profiles, vital-sign features."""

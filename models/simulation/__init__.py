"""Virtual patients: the vectorised glucose-insulin simulator and its worlds."""

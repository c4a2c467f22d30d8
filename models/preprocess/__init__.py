"""What is taken out of a series before it is measured, with the count of what was taken."""

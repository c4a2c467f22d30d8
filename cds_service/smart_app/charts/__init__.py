"""Charts as SVG, drawn from plain arrays; looks live in the style sheet, words in the figure beside each."""

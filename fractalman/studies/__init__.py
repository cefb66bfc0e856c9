"""Studies: how learning looks at every granularity, how local it is, and what of the hierarchy a network has found."""

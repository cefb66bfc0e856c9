"""A family as somebody would add it: points on a line, labels that are independent of everything."""

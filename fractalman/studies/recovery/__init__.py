"""Which features of a hierarchy dictionaries recover: architectures, widths and sparsities against a known truth."""

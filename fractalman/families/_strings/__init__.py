"""What families of token strings share: their coordinates, and the hierarchy of the symbols that they share."""

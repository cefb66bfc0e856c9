"""Locality: how far one gradient step is felt, layer by layer; and whether linear regions are subclusters."""

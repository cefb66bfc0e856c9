"""Figures of the site: sharp on every screen."""

c = get_config()  # noqa: F821
c.InlineBackend.figure_formats = {"retina"}

c.IPKernelApp.log_level = 40

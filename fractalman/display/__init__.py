"""How objects show themselves: a few lines of text, a table in a notebook, a pandas table, a figure of one style."""

from fractalman.display.figures import axes_or_new, legend_above, log_axes, round_numbers
from fractalman.display.series import Series, SeriesDisplay
from fractalman.display.summary import Display, HtmlTable, Summary, brief, fields_summary
from fractalman.display.tables import frame
from fractalman.display.thumbnails import curve_thumbnail, points_thumbnail

__all__ = [
    "Display",
    "HtmlTable",
    "Series",
    "SeriesDisplay",
    "Summary",
    "axes_or_new",
    "brief",
    "curve_thumbnail",
    "fields_summary",
    "frame",
    "legend_above",
    "log_axes",
    "points_thumbnail",
    "round_numbers",
]

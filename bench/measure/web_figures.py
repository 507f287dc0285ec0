"""The figures of the web application (bench/run web)."""
from . import browser, fanout, feed, logins

FLEET = "100,000 devices, 20,000 of them in view; for first points 10,000, for the feed 4,000 trackers"
ALL = [feed.live_rows, fanout.keeping_up, fanout.search, fanout.fan_out, browser.points, browser.first_points,
       browser.first_load, logins.wrong_logins]

# Listed in t/sources.mk.

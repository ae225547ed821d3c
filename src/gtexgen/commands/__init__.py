"""The console scripts, one module each: read the configuration, build the objects, call one function."""

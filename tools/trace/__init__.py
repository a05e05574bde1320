"""Traces of what the memory manager does: recording them, their formats, filters, summaries.

    with contextlib.closing(TraceReader("tour.parquet")) as rows: ...    # any format

`TraceFile` writes one, `Recorder` fills it from a kernel, `Filter` chooses, `summarize` sums up. Submodules are loaded
when they are used: `tools.trace.command` must come without the environment.
"""

"""The interactive viewer: a page in the browser that shows fields, finished or in training.

One thread trains and renders in turns; the threads of the server only note what visitors ask for.
"""

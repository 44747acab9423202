"""MONAI Label's HTTP interface, as its client and its extension of 3D Slicer (0.8.5) ask for it.

https://monai.readthedocs.io/projects/label
"""

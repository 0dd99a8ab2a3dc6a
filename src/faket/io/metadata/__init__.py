"""What programs write about a tilt-series: read, recognised, and joined into one geometry.

Each module reads the files of one program, and says in its first lines how that program counts
angles, axes and shifts. :mod:`~faket.io.metadata.facts` has faket's own way, into which all are
brought when they are read; :mod:`~faket.io.metadata.join` puts several files of a series together.
"""

from faket.io.metadata.document import UnknownMetadata
from faket.io.metadata.facts import SeriesFacts, TiltFacts
from faket.io.metadata.geometry import JoinedGeometry
from faket.io.metadata.join import join
from faket.io.metadata.recognise import read_metadata

__all__ = ["JoinedGeometry", "SeriesFacts", "TiltFacts", "UnknownMetadata", "join", "read_metadata"]

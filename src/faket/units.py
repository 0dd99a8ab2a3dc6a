"""Conversions of units: how many of the first go into one of the second.

Lengths are Å inside the package, voltages V above ice, angles degrees; settings use the units in
which a microscopist thinks (µm, mm, kV, mrad, kDa).
"""

A_PER_M = 1e10
A_PER_MM = 1e7
A_PER_UM = 1e4
A_PER_NM = 10.0
M_PER_A = 1e-10
UM_PER_A = 1e-4
RAD_PER_MRAD = 1e-3
V_PER_KV = 1e3
DA_PER_KDA = 1e3

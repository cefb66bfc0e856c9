"""The spectrum of a dataset under a kernel, and the learning curve that follows from it."""

from fractalman.theory.spectra.spectrum import (
    KERNELS,
    KernelSpectrum,
    learning_curve_from_spectrum,
    spectrum_of,
)

__all__ = ["KERNELS", "KernelSpectrum", "learning_curve_from_spectrum", "spectrum_of"]

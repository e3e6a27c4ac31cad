//! runtime/mosaic

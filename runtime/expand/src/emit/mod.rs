//! One function for each generated item.
//!
//! Paths are absolute, since the user may call a type `Result`. Names beside the proxy's begin with `__`, since `use
//! super::*` brings the user's names into scope. Generated code needs no macro expansion and no inference of return
//! types, so that rust-analyzer sees the types of proxies and tasks.

mod proxy;
mod table;

use crate::{method::Method, model::Tessera};
use proc_macro2::TokenStream;
use quote::quote;

/// Generates the module of a tessera.
pub(crate) fn module(tessera: &Tessera) -> TokenStream {
    module_with(&quote!(), tessera)
}

/// Generates the module of a tessera, visible in the whole crate.
pub(crate) fn visible_module(tessera: &Tessera) -> TokenStream {
    module_with(&quote!(pub(crate)), tessera)
}

fn module_with(visibility: &TokenStream, tessera: &Tessera) -> TokenStream {
    let module = &tessera.module;
    let items = [
        proxy::proxy(tessera),
        proxy::options(tessera),
        proxy::remote(tessera),
        proxy::local(tessera),
        proxy::remote_array(tessera),
        proxy::with(tessera),
        proxy::attach(tessera),
        proxy::actor(tessera),
        proxy::proxy_methods(tessera),
        proxy::formats(tessera),
        proxy::futures(tessera),
        table::table(tessera),
        table::construct(tessera),
        table::call(tessera),
        table::drop_object(tessera),
        table::assertions(tessera),
    ];
    quote! {
        #[allow(
            warnings, missing_docs, missing_debug_implementations, unreachable_pub, unsafe_code, unused_qualifications,
            clippy::all, clippy::pedantic, clippy::nursery, clippy::restriction
        )]
        #visibility mod #module {
            use super::*;
            #(#items)*
        }
    }
}

fn output(method: &Method) -> TokenStream {
    method.output.as_ref().map_or(quote!(()), |output| {
        let ty = &output.ty;
        quote!(#ty)
    })
}

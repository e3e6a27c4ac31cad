//! The worker's half: the table of the type's functions, and the functions themselves.

use super::output;
use crate::{
    at, fingerprint,
    method::{Method, Parameter},
    model::Tessera,
    types::Lend,
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{Ident, Type, ext::IdentExt};

/// Generates the definition and the table of the type, as constants.
///
/// Constants are compiled where they are used, unlike statics: a cell that only calls compiles the definition alone,
/// and a cell that does not even call compiles nothing.
pub(super) fn table(tessera: &Tessera) -> TokenStream {
    let self_type = &tessera.self_type;
    let name = tessera.ident.unraw().to_string();
    let names: Vec<String> = tessera
        .methods
        .iter()
        .map(|method| method.ident.unraw().to_string())
        .collect();
    let names = names.iter().map(|name| Literal::byte_string(name.as_bytes()));
    let signatures = tessera
        .methods
        .iter()
        .map(|method| Literal::byte_string(fingerprint::signature(method).as_bytes()));
    let object = fingerprint::object(self_type);
    quote! {
        const __OBJECT: ::mosaic::__private::Slice = ::mosaic::__private::Slice::new(
            ::core::concat!(::core::module_path!(), #object).as_bytes()
        );
        const __METHODS: &[::mosaic::__private::Slice] = &[#(::mosaic::__private::Slice::new(#names)),*];
        const __SIGNATURES: &[::mosaic::__private::Slice] = &[#(::mosaic::__private::Slice::new(#signatures)),*];
        const __DEFINITION: ::mosaic::__private::Definition =
            ::mosaic::__private::definition::<#self_type>(#name, __OBJECT, __METHODS, __SIGNATURES);
        const __TABLE: ::mosaic::__private::TesseraTable =
            ::mosaic::__private::table(__DEFINITION, __construct, __call, __drop_object);
    }
}

pub(super) fn construct(tessera: &Tessera) -> TokenStream {
    let self_type = &tessera.self_type;
    let name = tessera.ident.unraw().to_string();
    let (decoded, lent) = (decoded(&tessera.constructor), lent(&tessera.constructor));
    let new = &tessera.constructor.ident;
    let (construct, made) = match tessera.constructor.is_async {
        true => (
            quote!(construct_later),
            quote!(async move { <#self_type>::#new(#lent).await }),
        ),
        false => (quote!(construct), quote!(<#self_type>::#new(#lent))),
    };
    quote! {
        unsafe extern "C" fn __construct(
            object: *mut *mut ::core::ffi::c_void,
            arguments: *const ::mosaic::__private::Slice,
            count: usize,
            outcome: *mut ::mosaic::__private::Outcome,
        ) -> ::mosaic::__private::Pending {
            unsafe {
                ::mosaic::__private::#construct(#name, object, arguments, count, outcome, |arguments| {
                    #decoded
                    ::core::result::Result::Ok(#made)
                })
            }
        }
    }
}

pub(super) fn call(tessera: &Tessera) -> TokenStream {
    let self_type = &tessera.self_type;
    let arms = (0..)
        .zip(&tessera.methods)
        .map(|(number, method)| call_arm(number, self_type, method));
    quote! {
        unsafe extern "C" fn __call(
            object: *mut ::core::ffi::c_void,
            method: u32,
            arguments: *const ::mosaic::__private::Slice,
            count: usize,
            outcome: *mut ::mosaic::__private::Outcome,
        ) -> ::mosaic::__private::Pending {
            unsafe {
                ::mosaic::__private::call::<#self_type>(
                    &__DEFINITION, object, method, arguments, count, outcome,
                    |object, arguments| match method {
                        #(#arms)*
                        _ => ::core::result::Result::Err(::mosaic::__private::no_such_method(method)),
                    },
                )
            }
        }
    }
}

fn call_arm(number: u32, self_type: &Type, method: &Method) -> TokenStream {
    let (ident, decoded, lent) = (&method.ident, decoded(method), lent(method));
    let number = Literal::u32_unsuffixed(number);
    let output = output(method);
    // Types that travel are written out, so that an error is reported where the user wrote the type. Methods are called
    // by path, so that a method of a trait in scope cannot take their place.
    if method.is_async {
        let encode = quote!(::mosaic::__private::encode::<#output>(&value));
        return quote_spanned! {at(ident.span())=>
            #number => {
                #decoded
                let object = ::mosaic::__private::kept(object);
                ::mosaic::__private::later(async move {
                    let value = <#self_type>::#ident(object, #lent).await;
                    #encode
                })
            }
        };
    }
    let now = quote!(::mosaic::__private::now::<#output>(&value));
    quote_spanned! {at(ident.span())=>
        #number => {
            #decoded
            let value = <#self_type>::#ident(object, #lent);
            #now
        }
    }
}

pub(super) fn drop_object(tessera: &Tessera) -> TokenStream {
    let self_type = &tessera.self_type;
    quote! {
        unsafe extern "C" fn __drop_object(object: *mut ::core::ffi::c_void) {
            unsafe { ::mosaic::__private::drop_object::<#self_type>(object) }
        }
    }
}

/// Generates an assertion for each type that travels, so that an error is reported where the user wrote the type.
pub(super) fn assertions(tessera: &Tessera) -> TokenStream {
    let self_type = &tessera.self_type;
    let functions = std::iter::once(&tessera.constructor).chain(&tessera.methods);
    let travelling = functions.flat_map(|function| {
        let arguments = function
            .parameters
            .iter()
            .map(|parameter| (&parameter.ty, parameter.span));
        arguments.chain(function.output.iter().map(|output| (&output.ty, output.span)))
    });
    let portable = travelling
        .map(|(ty, span)| quote_spanned!(at(span)=> const _: fn() = || ::mosaic::__private::assert_portable::<#ty>();));
    quote! {
        #(#portable)*
        const _: fn() = || ::mosaic::__private::assert_sendable::<#self_type>();
    }
}

/// Generates the statements that decode the arguments. Variables are numbered, since an argument may have any name.
fn decoded(method: &Method) -> TokenStream {
    let decode = method
        .parameters
        .iter()
        .enumerate()
        .map(|(index, Parameter { name, ty, lend, span })| {
            let variable = variable(index);
            let (name, index) = (name.unraw().to_string(), Literal::usize_unsuffixed(index));
            if is_in_place(method, *lend) {
                quote_spanned!(at(*span)=> let #variable = arguments.lend::<#ty>(#index, #name)?;)
            } else {
                quote_spanned!(at(*span)=> let #variable = arguments.decode::<#ty>(#index, #name)?;)
            }
        });
    decode.collect()
}

/// Generates the decoded arguments, as the method takes them.
fn lent(method: &Method) -> TokenStream {
    let lent = method
        .parameters
        .iter()
        .enumerate()
        .map(|(index, Parameter { lend, span, .. })| {
            let variable = variable(index);
            match lend {
                Lend::Value => quote_spanned!(at(*span)=> #variable,),
                Lend::Reference if is_in_place(method, *lend) => quote_spanned!(at(*span)=> &*#variable,),
                Lend::Reference => quote_spanned!(at(*span)=> &#variable,),
                Lend::View => quote_spanned!(at(*span)=> #variable.view(),),
                Lend::ViewReference => quote_spanned!(at(*span)=> &#variable.view(),),
            }
        });
    lent.collect()
}

/// Returns whether an argument is read in place. Its bytes stay until the call returns, which an async method does
/// before its end.
fn is_in_place(method: &Method, lend: Lend) -> bool {
    lend != Lend::Value && !method.is_async
}

fn variable(index: usize) -> Ident {
    format_ident!("argument_{index}", span = Span::call_site())
}

pub trait ShowRich {
    fn evcxr_display(&self);
}

impl<T: notebook::display::Rich + ?Sized> ShowRich for T {
    fn evcxr_display(&self) {
        let (contents, _) = self.mime_bundle().into_parts();
        if let Some(notebook::display::MimeContent::Text(text)) = contents.get("text/plain") {
            println!("{text}");
        }
    }
}

/** The parts of the classic notebook that the adapter touches. */

declare namespace Classic {
  interface Message {
    readonly header: { readonly msg_type: string; readonly msg_id: string; readonly date?: string };
    readonly parent_header: unknown;
    readonly metadata: unknown;
    readonly content: unknown;
    readonly buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
  }

  interface Comm {
    /** Who hears what the kernel says, as soon as somebody does. */
    readonly _msg_callback?: unknown;
    send(data: object): string;
    open(data: object): string;
    on_msg(callback: (message: { readonly content: { readonly data: unknown } }) => void): void;
  }

  interface Callbacks {
    shell?: object;
    iopub?: object;
    input?: unknown;
  }

  interface Kernel {
    readonly id: string | null;
    readonly name: string;
    readonly session_id: string;
    readonly ws_url: string;
    readonly kernel_service_url: string;
    readonly comm_manager: {
      readonly comms: Readonly<Record<string, unknown>>;
      new_comm(target: string, data: object): Comm;
    };
    is_connected(): boolean;
    reconnect(): void;
    get_callbacks_for_msg(request: string): Callbacks | undefined;
    send_shell_message(
      type: string,
      content: object,
      callbacks?: object,
      metadata?: object,
      buffers?: readonly ArrayBuffer[]
    ): string;
    _handle_iopub_message(message: Message): unknown;
    /** Onto the websocket, or kept until there is one. */
    _send(payload: string | ArrayBuffer): void;
  }

  interface Editor {
    on(event: 'change', handler: (editor: Editor, change: { readonly origin?: string }) => void): void;
  }

  interface Cell {
    readonly cell_type: string;
    id: string;
    readonly metadata: Record<string, unknown>;
    readonly element: ArrayLike<HTMLElement>;
    readonly code_mirror: Editor;
    get_text(): string;
  }

  interface OutputArea {
    trusted: boolean;
    readonly outputs: readonly object[];
    readonly _display_id_targets: Readonly<Record<string, unknown>>;
    handle_output(message: Message): void;
    handle_clear_output(message: Message): void;
    clear_output(wait: boolean, ignoreQueue: boolean): void;
    append_raw_input(message: Message): void;
    toJSON(): readonly object[];
    create_output_subarea(metadata: object, classes: string, type: string): ArrayLike<HTMLElement>;
    register_mime_type(type: string, append: Append, options: { safe: boolean; index: number }): void;
  }

  /** Shows an output in an element of jQuery's, and answers the part that it added. */
  type Append = (
    this: OutputArea,
    value: unknown,
    metadata: object,
    element: { append(part: ArrayLike<HTMLElement>): void }
  ) => ArrayLike<HTMLElement>;

  interface CodeCell extends Cell {
    readonly kernel: Kernel | null;
    readonly last_msg_id: string | null;
    readonly input_prompt_number: number | string | null | undefined;
    readonly output_area: OutputArea;
    execute(stopOnError?: boolean): void;
    clear_output(wait: boolean, ignoreQueue: boolean): void;
    set_input_prompt(count: number | string | null): void;
  }

  interface Notebook {
    readonly kernel: Kernel | null;
    readonly element: ArrayLike<HTMLElement>;
    readonly dirty: boolean;
    readonly writable: boolean;
    readonly nbformat: number;
    nbformat_minor: number;
    readonly config: { readonly data: Readonly<Record<string, unknown>> };
    readonly _fully_loaded: boolean;
    get_cells(): Cell[];
    get_selected_cells(): Cell[];
    save_notebook(): Promise<unknown>;
    set_dirty(dirty: boolean): void;
    move_selection_up(): void;
    move_selection_down(): void;
  }

  /** A label in the page's header. */
  interface Notice {
    hide(): void;
    warning(text: string, milliseconds?: number, clicked?: () => boolean, options?: object): void;
  }

  interface Action {
    readonly help: string;
    readonly icon: string;
    readonly handler: () => void;
  }

  interface Button {
    readonly action: string;
    readonly label?: string;
  }

  interface Page {
    readonly notebook: Notebook;
    readonly notification_area: { widget(name: string): Notice };
    readonly toolbar: { add_buttons_group(buttons: readonly Button[], id: string): ArrayLike<HTMLElement> };
    readonly keyboard_manager: {
      readonly actions: { register(action: Action, name: string, prefix: string): string };
      register_events(element: Element): void;
    };
  }

  type Handler = (event: unknown, told: Told) => void;

  /** What comes with an event; which of it depends on the event. */
  interface Told {
    readonly cell?: Cell;
    readonly reply?: Message;
    readonly kernel?: Kernel;
  }
}

declare module 'base/js/namespace' {
  const Jupyter: Classic.Page;
  export = Jupyter;
}

declare module 'base/js/events' {
  const events: {
    on(names: string, handler: Classic.Handler): void;
    trigger(name: string, told: object): void;
  };
  export = events;
}

declare module 'notebook/js/codecell' {
  const module: { readonly CodeCell: { readonly prototype: Classic.CodeCell } };
  export = module;
}

declare module 'notebook/js/outputarea' {
  const module: { readonly OutputArea: { readonly prototype: Classic.OutputArea } };
  export = module;
}

declare module 'services/kernels/kernel' {
  const module: { readonly Kernel: { readonly prototype: Classic.Kernel } };
  export = module;
}

declare module 'base/js/utils' {
  const utils: { fixOverwrittenChars(text: string): string };
  export = utils;
}

declare module '*.css' {
  const text: string;
  export default text;
}
